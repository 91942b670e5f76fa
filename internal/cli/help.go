package cli

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// helpCommand does what "slotgen COMMAND --help" does, with its answers to a command
// that there is not. cli's own looks at the first word alone.
func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "list the commands, or tell what one of them does",
		UsageText: "slotgen help [COMMAND]...",
		Action: func(c *cli.Context) error {
			return c.App.Run(slices.Concat([]string{name}, c.Args().Slice(), []string{"--help"}))
		},
	}
}
