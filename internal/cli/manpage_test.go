package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// flagEntry matches the head of a flag's paragraph in the man page, and entryEnd its end.
// shortFlag matches each name in the head.
var (
	flagEntry = regexp.MustCompile(`(?m)^\.TP\n((?:\\fB--?[a-z][a-z-]*\\fR(?:, )?)+)(?: \\fI(.+)\\fR)?\n`)
	entryEnd  = regexp.MustCompile(`(?m)^\.(?:TP|PP|SS|SH)\b`)
	shortFlag = regexp.MustCompile(`\\fB(--?[a-z][a-z-]*)\\fR`)
)

// sectionOf returns the text from a heading to the next one.
func sectionOf(text, heading string) string {
	_, text, _ = strings.Cut(text, heading+"\n")
	if end := regexp.MustCompile(`(?m)^\.S[SH] `).FindStringIndex(text); end != nil {
		return text[:end[0]]
	}
	return text
}

// manFlag is a flag as the man page describes it.
type manFlag struct {
	Names          []string
	Value, Default string
	Variable       string
}

// manFlags returns the flags with a paragraph in a section, by their long names.
func manFlags(section string) map[string]manFlag {
	flags := map[string]manFlag{}
	for _, at := range flagEntry.FindAllStringSubmatchIndex(section, -1) {
		f, text := manFlag{}, section[at[1]:]
		for _, name := range shortFlag.FindAllStringSubmatch(section[at[2]:at[3]], -1) {
			f.Names = append(f.Names, name[1])
		}
		if at[4] >= 0 {
			f.Value = section[at[4]:at[5]]
		}
		if end := entryEnd.FindStringIndex(text); end != nil {
			text = text[:end[0]]
		}
		for line := range strings.Lines(text) {
			if rest, found := strings.CutPrefix(line, "Default: "); found {
				f.Default = strings.TrimSuffix(rest, ".\n")
			}
			if rest, found := strings.CutPrefix(line, `Variable: \fB`); found {
				f.Variable = strings.TrimSuffix(rest, "\\fR.\n")
			}
		}
		flags[f.Names[0]] = f
	}
	return flags
}

// wantedManFlag returns the description that the man page has to give of a flag.
func wantedManFlag(flag cli.DocGenerationFlag) manFlag {
	f := manFlag{}
	for _, name := range flag.Names() {
		f.Names = append(f.Names, dashed(name))
	}
	if flag.TakesValue() {
		f.Value = valueWord(flag)
	}
	if text := flag.GetDefaultText(); text != "false" {
		f.Default = text
	}
	if variables := flag.GetEnvVars(); len(variables) > 0 {
		f.Variable = variables[0]
	}
	return f
}

// The section of each command describes exactly the command's flags, or names them as common
// flags. Each description has the flag's names, value, default and variable.
func TestManPageDescribesTheFlagsOfEachCommand(t *testing.T) {
	page := manText()
	common, used := manFlags(sectionOf(page, ".SH COMMON FLAGS")), []string{"--help", "--version"}
	for _, leaf := range leafCommands("", testApp().Commands) {
		section := sectionOf(page, ".SS slotgen "+leaf.name)
		got, want := manFlags(section), map[string]manFlag{}
		if _, list, found := strings.Cut(section, `Common flags: \fB`); found {
			list, _, _ = strings.Cut(list, `\fR`)
			for name := range strings.FieldsSeq(strings.ReplaceAll(list, ",", " ")) {
				got[name] = common[name]
				used = append(used, name)
			}
		}
		for _, flag := range leaf.flags {
			f := wantedManFlag(flag)
			want[f.Names[0]] = f
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the flags of %q (-code +man page):\n%s", leaf.name, diff)
		}
	}
	for name := range common {
		if !slices.Contains(used, name) {
			t.Errorf("the man page has %s among the common flags, and no command names it", name)
		}
	}
}
