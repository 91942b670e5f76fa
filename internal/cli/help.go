package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"slotgen/templates"
)

const (
	helpName = "help"
	// helpWidth is the number of columns of a help page.
	helpWidth = 80
)

// helpCommand returns a command that runs "slotgen COMMAND --help", and so answers an
// unknown command in the same words. cli's own help command looks at the first word only.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      helpName,
		Usage:     "list the commands, or show the help of one",
		ArgsUsage: "[COMMAND]...",
		UsageText: "slotgen help templates check",
		Action: func(c *cli.Context) error {
			return c.App.Run(slices.Concat([]string{name}, c.Args().Slice(), []string{"--help"}))
		},
	}
}

func manCommand(out *output) *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "print the man page, section 8",
		UsageText: "slotgen man | man -l -",
		Action: noArguments(func(*cli.Context) error {
			_, err := out.Write(templates.ManPage)
			return err
		}),
	}
}

// init makes cli print the help pages of this package. It makes a page only when somebody asks for it.
func init() {
	cli.HelpPrinter = func(w io.Writer, _ string, of any) {
		switch of := of.(type) {
		case *cli.App:
			_, _ = io.WriteString(w, appHelp(of))
		case *cli.Command:
			_, _ = io.WriteString(w, commandHelp(of))
		}
	}
}

// appHelp returns the help page of the program.
func appHelp(app *cli.App) string {
	var p page
	p.add(0, app.Name+" - "+app.Usage)
	p.head("USAGE")
	p.add(3, app.Name+" COMMAND [OPTION]... [ARGUMENT]")
	p.commands(app.VisibleCommands())
	p.head("OPTIONS")
	p.flag(cli.HelpFlag)
	p.flag(cli.VersionFlag)
	p.head("ENVIRONMENT")
	p.add(3, "Every option that is a setting has a variable, which the page of its command names. An empty variable is unset.")
	p.add(3, "With "+verbosityVar+"=0 only warnings, errors and hints go to stderr.")
	return p.String()
}

// commandHelp returns the help page of a command.
func commandHelp(c *cli.Command) string {
	var p page
	p.add(0, c.HelpName+" - "+c.Usage)
	p.head("USAGE")
	usage := c.HelpName
	if len(c.Subcommands) > 0 {
		usage += " COMMAND"
	}
	p.add(3, strings.TrimSpace(usage+" [OPTION]... "+c.ArgsUsage))
	if c.Description != "" {
		p.lines("\n" + c.Description)
	}
	if c.UsageText != "" {
		p.head("EXAMPLES")
		p.lines(c.UsageText)
	}
	p.commands(c.VisibleCommands())
	p.flags("OPTIONS", c, func(name string) bool { return !isLayoutSetting(name) })
	p.flags("LAYOUT OF THE VOLUME", c, isLayoutSetting)
	return p.String()
}

// page is a help page in the making.
type page struct{ strings.Builder }

func (p *page) head(text string) { p.WriteString("\n" + text + "\n") }

// add adds a text, broken into lines that begin with indent spaces.
func (p *page) add(indent int, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+len([]rune(line))+1+len([]rune(word)) > helpWidth {
			p.WriteString(strings.Repeat(" ", indent) + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	p.WriteString(strings.Repeat(" ", indent) + line + "\n")
}

// lines adds the lines of a text. It breaks the long ones, unless they begin with a space.
func (p *page) lines(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			p.WriteString("\n")
		case strings.HasPrefix(line, " "):
			p.WriteString("   " + line + "\n")
		default:
			p.add(3, line)
		}
	}
}

// commands adds a line for each command.
func (p *page) commands(commands []*cli.Command) {
	if len(commands) == 0 {
		return
	}
	p.head("COMMANDS")
	for _, c := range commands {
		fmt.Fprintf(p, "   %-12s %s\n", c.Name, c.Usage)
	}
}

// flags adds the flags of a command whose names are wanted, under a head.
func (p *page) flags(head string, c *cli.Command, wanted func(name string) bool) {
	flags := slices.DeleteFunc(c.VisibleFlags(), func(f cli.Flag) bool { return !wanted(f.Names()[0]) })
	if len(flags) == 0 {
		return
	}
	p.head(head)
	for _, f := range flags {
		p.flag(f)
	}
}

// flag adds a flag: its names, what it does, and its default and variable.
func (p *page) flag(flag cli.Flag) {
	f, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return
	}
	var names []string
	for _, name := range f.Names() {
		names = append(names, dashed(name))
	}
	head := strings.Join(names, ", ")
	if f.TakesValue() {
		head += " " + valueWord(f)
	}
	p.add(3, head)
	p.add(7, strings.ReplaceAll(f.GetUsage(), "`", ""))
	if text := cmp.Or(f.GetDefaultText(), f.GetValue()); text != "" && text != "[]" && text != "false" {
		p.add(7, "Default: "+text+".")
	}
	for _, variable := range f.GetEnvVars() {
		p.add(7, "Variable: "+variable+".")
	}
}
