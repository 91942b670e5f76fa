package cli

import (
	"slices"

	"github.com/urfave/cli/v2"
)

const helpName = "help"

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
