package main

import (
	"fmt"
	"os"

	"slotgen/render"

	"github.com/urfave/cli/v2"
)

func hookCommand(out *output) *cli.Command {
	return &cli.Command{
		Name:  "hook",
		Usage: "print the scripts that wire slotgen into an image",
		Subcommands: []*cli.Command{{
			Name:            "cont-init",
			Usage:           "print the boot script, to be installed as /etc/cont-init.d/99-slotgen",
			OnUsageError:    usageError,
			HideHelpCommand: true,
			Action: noArguments(func(*cli.Context) error {
				program, err := os.Executable()
				if err != nil {
					return fmt.Errorf("finding the program's own path: %w", err)
				}
				script, err := render.Hook("cont-init", program)
				if err != nil {
					return err
				}
				_, err = out.Write(script)
				return err
			}),
		}},
		Action: noSubcommand("hook"),
	}
}
