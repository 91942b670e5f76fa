package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// manFlag is a flag as the man page shows it.
type manFlag struct {
	// Names are "--output" and "-o".
	Names []string
	// Value is the placeholder of its value, empty for a switch.
	Value, Usage, Default, Variable string
}

func newManFlag(f cli.DocGenerationFlag) manFlag {
	m := manFlag{Usage: f.GetUsage(), Default: f.GetDefaultText()}
	for _, name := range f.Names() {
		m.Names = append(m.Names, dashed(name))
	}
	if vars := f.GetEnvVars(); len(vars) > 0 {
		m.Variable = vars[0]
	}
	if !f.TakesValue() {
		m.Default = ""
		return m
	}
	m.Value = valueWord(f)
	return m
}

// valueWord is the word that stands for a flag's value in its usage: "DIR".
func valueWord(f cli.DocGenerationFlag) string {
	if _, word, _, found := cutValue(f.GetUsage()); found {
		return word
	}
	return "VALUE"
}

// cutValue parts a flag's usage at the word that stands for its value, which is marked
// by backticks.
func cutValue(usage string) (before, word, after string, found bool) {
	before, marked, _ := strings.Cut(usage, "`")
	word, after, found = strings.Cut(marked, "`")
	return before, word, after, found
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// key is the same for flags that several commands share.
func (f manFlag) key() string { return f.Names[0] + " " + f.Usage }

func (f manFlag) sameVariable(g manFlag) bool { return f.Variable == g.Variable }

// roff is the flag as an entry of a list of paragraphs with tags.
func (f manFlag) roff() string {
	var b strings.Builder
	b.WriteString(".TP\n")
	for i, name := range f.Names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`\fB` + roff(name) + `\fR`)
	}
	if f.Value != "" {
		b.WriteString(` \fI` + roff(f.Value) + `\fR`)
	}
	usage := roff(sentence(f.Usage))
	if before, word, after, found := cutValue(usage); found {
		usage = before + `\fI` + word + `\fR` + after
	}
	b.WriteString("\n" + usage)
	if f.Default != "" {
		b.WriteString("\nDefault: " + roff(f.Default) + ".")
	}
	if f.Variable != "" {
		b.WriteString("\nVariable: \\fB" + roff(f.Variable) + "\\fR.")
	}
	return b.String()
}

// sentence makes a sentence of the words that help shows.
func sentence(usage string) string {
	if usage == "" {
		return usage
	}
	return strings.ToUpper(usage[:1]) + usage[1:] + "."
}

// roff escapes text: nothing in it is a request or an escape sequence, and what
// can be typed is copied from the page as it is.
func roff(text string) string {
	escaped := strings.NewReplacer(
		`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`,
		"\n\n.", "\n.PP\n\\&.", "\n\n", "\n.PP\n", "\n.", "\n\\&.",
	).Replace(text)
	if strings.HasPrefix(escaped, ".") {
		return `\&` + escaped
	}
	return escaped
}
