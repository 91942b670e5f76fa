package cli

import (
	"github.com/urfave/cli/v2"

	"slotgen/templates"
)

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
