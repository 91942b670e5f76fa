package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func newApp(out *output, msg messages) *cli.App {
	app := &cli.App{
		Name:                      "slotgen",
		Usage:                     "turn profiles on a volume into s6 service directories",
		Version:                   version(),
		Writer:                    out,
		ErrWriter:                 msg.w,
		Action:                    noCommand,
		OnUsageError:              usageError,
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true,
		Commands: []*cli.Command{
			reconcileCommand(out, msg),
			renderCommand(out, msg),
			scanCommand(out, msg),
			diffCommand(out, msg),
			templatesCommand(out, msg),
			hookCommand(out),
			completionCommand(out),
			manCommand(out),
		},
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = usageError
	}
	return app
}

func noCommand(c *cli.Context) error {
	const hint = `run "slotgen --help" for the commands`
	if !c.Args().Present() {
		return withHint(errors.New("no command given"), hint)
	}
	name := c.Args().First()
	err := fmt.Errorf("unknown command %q", name)
	if near := cli.SuggestCommand(c.App.Commands, name); near != "" {
		return withHint(err, "%s", decapitalize(near))
	}
	return withHint(err, hint)
}

// noSubcommand is the action of a command that has commands of its own.
func noSubcommand(name string) cli.ActionFunc {
	return func(c *cli.Context) error {
		var names []string
		for _, sub := range c.Command.VisibleCommands() {
			names = append(names, sub.Name)
		}
		there := "there is " + strings.Join(names, ", ")
		if !c.Args().Present() {
			return withHint(fmt.Errorf("no %s command given", name), "%s", there)
		}
		return withHint(fmt.Errorf("unknown %s command %q", name, c.Args().First()), "%s", there)
	}
}

// usageError replaces cli's own answer to a bad flag, which is the whole help
// on stdout.
func usageError(c *cli.Context, err error, _ bool) error {
	err = fmt.Errorf("reading the command line: %s", decapitalize(err.Error()))
	if name, found := strings.CutPrefix(err.Error(), "reading the command line: flag provided but not defined: -"); found {
		err = fmt.Errorf("unknown flag %q", "--"+strings.TrimPrefix(name, "-"))
		if near := cli.SuggestFlag(c.Command.Flags, strings.TrimPrefix(name, "-"), false); near != "" {
			return withHint(err, "did you mean %q?", near)
		}
	}
	return withHint(err, "run %q for the flags", c.Command.HelpName+" --help")
}

func decapitalize(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// noArguments refuses positional arguments: cli would take every flag behind one
// as a further argument, without a word.
func noArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return withHint(fmt.Errorf("unexpected argument %q", c.Args().First()),
				"run %q for the flags", c.Command.HelpName+" --help")
		}
		return action(c)
	}
}
