package cli

import (
	"bytes"
	"io"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"slotgen/internal/testenv"
	"slotgen/scan"
	"slotgen/templates"
)

func testApp() *cli.App {
	return newApp(&output{w: io.Discard}, messages{w: &asyncWriter{w: io.Discard}})
}

// leafCommand is a command without subcommands.
type leafCommand struct {
	name  string // with the commands above it: "hook s6-rc"
	flags []cli.DocGenerationFlag
}

// leafCommands lists the visible commands without subcommands. Their flags do not include
// --help.
func leafCommands(prefix string, commands []*cli.Command) []leafCommand {
	var leaves []leafCommand
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		if len(c.Subcommands) > 0 {
			leaves = append(leaves, leafCommands(prefix+c.Name+" ", c.Subcommands)...)
			continue
		}
		leaf := leafCommand{name: prefix + c.Name}
		for _, flag := range c.VisibleFlags() {
			if f, ok := flag.(cli.DocGenerationFlag); ok && flag.Names()[0] != "help" {
				leaf.flags = append(leaf.flags, f)
			}
		}
		leaves = append(leaves, leaf)
	}
	return leaves
}

// codeFlags returns the long names of the visible flags of all commands.
func codeFlags() []string {
	flags := []string{"--help", "--version"}
	for _, leaf := range leafCommands("", testApp().Commands) {
		for _, f := range leaf.flags {
			flags = append(flags, dashed(f.Names()[0]))
		}
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}

var (
	flagWord     = regexp.MustCompile(`(?:^|[^\w-])(--[a-z][a-z0-9-]*)\b`)
	variableWord = regexp.MustCompile(`\b(?:(?:HERMES|SLOTGEN|S6|GATEWAY)_[A-Z0-9_]+|NO_COLOR|FORCE_COLOR|CLICOLOR_FORCE|TERM)\b`)
)

// readVariables returns the variables that slotgen and its scripts read, for flags and otherwise.
func readVariables() []string {
	variables := []string{scan.MultiplexVar, scan.NoSuperviseVar, verbosityVar, "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"}
	for _, leaf := range leafCommands("", testApp().Commands) {
		for _, f := range leaf.flags {
			variables = append(variables, f.GetEnvVars()...)
		}
	}
	return variables
}

// exportedVariables are the variables that run scripts set for the gateway.
var exportedVariables = []string{"HERMES_S6_SUPERVISED_CHILD", "HERMES_SUPERVISED_CHILD"}

// helpText returns the output of --help for every command.
func helpText(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	calls := [][]string{{}}
	for _, leaf := range leafCommands("", testApp().Commands) {
		calls = append(calls, strings.Fields(leaf.name))
	}
	for _, args := range calls {
		if code := Run(append(append([]string{"slotgen"}, args...), "--help"), &text, &text); code != 0 {
			t.Fatalf("%q --help exits %d", args, code)
		}
	}
	return text.String()
}

func TestHelpPagesFitATerminalAndHaveExamples(t *testing.T) {
	for line := range strings.Lines(helpText(t)) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, leaf := range leafCommands("", testApp().Commands) {
		if leaf.name == helpName {
			continue // it shows the program's page
		}
		var page bytes.Buffer
		Run(append(append([]string{"slotgen"}, strings.Fields(leaf.name)...), "--help"), &page, &page)
		_, examples, found := strings.Cut(page.String(), "\nEXAMPLES\n")
		if !found || !strings.HasPrefix(strings.TrimSpace(examples), "slotgen "+leaf.name) {
			t.Errorf("the page of %q has no example of it:\n%s", leaf.name, page.String())
		}
	}
}

func manText() string { return strings.ReplaceAll(string(templates.ManPage), `\-`, "-") }

// wordsOf removes roff's font changes from a text. It returns the distinct words that the
// pattern finds, sorted.
func wordsOf(pattern *regexp.Regexp, text string) []string {
	text = regexp.MustCompile(`\\f[BIR]`).ReplaceAllString(text, " ")
	var words []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		words = append(words, match[len(match)-1])
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func TestManualNamesEveryFlagAndNoOther(t *testing.T) {
	code := codeFlags()
	// Flags of hermes, and of COPY and HEALTHCHECK in a Dockerfile.
	foreign := []string{"--no-supervise", "--replace", "--from", "--chmod", "--start-period"}
	for name, text := range map[string]string{"help": helpText(t), "man page": manText(), "README and docs": pagesText(t)} {
		found := wordsOf(flagWord, text)
		for _, flag := range code {
			if !slices.Contains(found, flag) {
				t.Errorf("%s does not name the flag %s", name, flag)
			}
		}
		for _, flag := range found {
			if !slices.Contains(code, flag) && !slices.Contains(foreign, flag) {
				t.Errorf("%s names %s, which no command has", name, flag)
			}
		}
	}
}

func TestManualNamesEveryVariableAndNoOther(t *testing.T) {
	known := append(readVariables(), exportedVariables...)
	foreign := []string{
		"S6_BEHAVIOUR_IF_STAGE2_FAILS", "S6_KILL_GRACETIME", "S6_KILL_FINISH_MAXTIME", "S6_SERVICES_GRACETIME", // of s6-overlay
		"SLOTGEN_SOAK_PASSES", "SLOTGEN_FAULTS", "SLOTGEN_WATCH_IDLE", "SLOTGEN_WATCH_CHANGES", // of the tests
	}
	for name, text := range map[string]string{"man page": manText(), "README and docs": pagesText(t)} {
		found := wordsOf(variableWord, text)
		for _, variable := range known {
			if !slices.Contains(found, variable) {
				t.Errorf("%s does not name the variable %s", name, variable)
			}
		}
		for _, variable := range found {
			if !slices.Contains(known, variable) && !slices.Contains(foreign, variable) {
				t.Errorf("%s names %s, which slotgen does not know", name, variable)
			}
		}
	}
	found := wordsOf(variableWord, helpText(t))
	for _, variable := range readVariables() {
		if !slices.Contains(found, variable) {
			t.Errorf("help does not name the variable %s", variable)
		}
	}
}

func TestManualNamesEveryFieldOfTheTemplateContext(t *testing.T) {
	for name, text := range map[string]string{"man page": manText(), "README and docs": pagesText(t)} {
		for field := range reflect.TypeFor[scan.Profile]().Fields() {
			if !regexp.MustCompile(`\.` + field.Name + `\b`).MatchString(text) {
				t.Errorf("%s does not name the field .%s", name, field.Name)
			}
		}
	}
}

func TestManPageNamesEveryCommandFileAndExitCode(t *testing.T) {
	page := manText()
	want := []string{
		"gateway_state.json", "state/gateway.lifecycle.json", "config.yaml", "logs/container-boot.log", "container-boot.log.1",
		"gateway.pid", "processes.json", "SOUL.md", ".slotgen.lock", ".slotgen.stopped", ".gateway-NAME.new", "logs/gateways/NAME/", defaultTemplates,
		"/etc/cont-init.d/99-slotgen", "/etc/cont-finish.d/10-slotgen", ".SH EXIT STATUS", defaultHome, defaultScandir, defaultCommandDir,
		".TP\n.B 0\n", ".TP\n.B 1\n", ".TP\n.B 2\n",
	}
	for _, leaf := range leafCommands("", testApp().Commands) {
		want = append(want, ".SS slotgen "+leaf.name+"\n")
		if _, examples, _ := strings.Cut(page, ".SH EXAMPLES\n"); !strings.Contains(examples, "\nslotgen "+leaf.name) {
			t.Errorf("the man page has no example of %q", leaf.name)
		}
	}
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("the man page does not have %q", text)
		}
	}
}

func TestManPageIsCleanRoff(t *testing.T) {
	const file = "../../templates/slotgen.8"
	for _, argv := range [][]string{
		{"groff", "-ww", "-man", "-Tutf8", "-z", file},
		{"mandoc", "-T", "lint", file},
	} {
		testenv.NeedProgram(t, argv[0])
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%q: %v\n%s", argv, err, out)
		}
	}
	text, err := exec.Command("mandoc", "-T", "ascii", file).Output()
	if err != nil || !bytes.Contains(text, []byte("slotgen hook s6-rc --out /etc/s6-overlay/s6-rc.d")) {
		t.Errorf("what is to be typed is not there as typed: %v", err)
	}
}
