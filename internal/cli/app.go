package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"slotgen/internal/hint"
)

// name is the name of the program.
const name = "slotgen"

// newApp returns the app with all its commands.
func newApp(out *output, msg messages) *cli.App {
	commands := []*cli.Command{
		statusCommand(out, msg),
		reconcileCommand(out, msg),
		watchCommand(msg),
		stopCommand(msg),
		renderCommand(out, msg),
		scanCommand(out, msg),
		diffCommand(out, msg),
		templatesCommand(out, msg),
		hookCommand(out, msg),
		completionCommand(out),
		manCommand(out),
		helpCommand(),
	}
	configure(commands)
	return &cli.App{
		Name:                      name,
		Version:                   version(),
		Usage:                     "turn profiles on a volume into s6 service directories",
		Writer:                    out,
		ErrWriter:                 msg.w,
		Action:                    noCommand,
		OnUsageError:              usageError,
		Flags:                     []cli.Flag{cli.HelpFlag}, // cli adds it only if no command is called help
		HideHelpCommand:           true,
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true,
		Compiled:                  time.Unix(0, 0), // without it cli reads the time of the program's file
		Commands:                  commands,
	}
}

// configure makes every command answer a wrong flag in one line, and list --help. A command
// does not inherit OnUsageError from the command above it. cli adds --help too late for the
// list of flags.
func configure(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		c.OnUsageError = usageError
		if !c.HideHelp {
			c.Flags = append(c.Flags, cli.HelpFlag)
		}
		configure(c.Subcommands)
	}
}

const helpHint = `run "slotgen --help" for the commands`

func noCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return withHint(errors.New("no command given"), helpHint)
	}
	name := c.Args().First()
	err := fmt.Errorf("unknown command %q", name)
	near := hint.DidYouMean(name, commandNames(c.App.VisibleCommands()))
	return withHint(err, "%s", cmp.Or(near, helpHint))
}

// noSubcommand returns the action of a command that only has subcommands.
func noSubcommand(name string) cli.ActionFunc {
	return func(c *cli.Context) error {
		there := "there is " + strings.Join(commandNames(c.Command.VisibleCommands()), ", ")
		if !c.Args().Present() {
			return withHint(fmt.Errorf("no %s command given", name), "%s", there)
		}
		return withHint(fmt.Errorf("unknown %s command %q", name, c.Args().First()), "%s", there)
	}
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// usageError replaces cli's own answer to a wrong flag, which prints the whole help on
// stdout.
func usageError(c *cli.Context, err error, _ bool) error {
	advice := fmt.Sprintf("run %q for the flags", c.Command.HelpName+" --help")
	text := err.Error()
	if name, found := strings.CutPrefix(text, "flag provided but not defined: -"); found {
		name = strings.TrimPrefix(name, "-")
		if near := hint.Nearest(name, flagNames(c.Command.Flags)); near != "" {
			advice = fmt.Sprintf("did you mean %q?", dashed(near))
		}
		return withHint(fmt.Errorf("unknown flag %q", dashed(name)), "%s", advice)
	}
	if name, found := strings.CutPrefix(text, "flag needs an argument: -"); found {
		return withHint(fmt.Errorf("flag %q needs a value", dashed(strings.TrimPrefix(name, "-"))), "%s", advice)
	}
	text = strings.ToLower(text[:1]) + text[1:]
	text = strings.Replace(text, " for -", " for --", 1) // only boolean flags refuse a value here
	return withHint(fmt.Errorf("reading the command line: %s", text), "%s", advice)
}

func flagNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()[0])
	}
	return names
}
