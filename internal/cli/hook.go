package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"slotgen/render"
)

func hookCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:   "hook",
		Usage:  "print the scripts that wire slotgen into an image",
		Action: noSubcommand("hook"),
		Subcommands: []*cli.Command{
			scriptCommand(out, "cont-init", "print the boot script", "/etc/cont-init.d/99-slotgen",
				"The last of the scripts there, since the gateways start when it runs. It turns exit code 1\n"+
					"into 0: one bad profile stops no container that takes a failing hook for a fatal one."),
			scriptCommand(out, "cont-finish", "print the stop script", "/etc/cont-finish.d/10-slotgen",
				"It runs slotgen stop, before the container stops its services."),
			{
				Name:      "s6-rc",
				Usage:     "write s6-rc definitions: gateways may need other services",
				UsageText: "slotgen hook s6-rc --out /etc/s6-overlay/s6-rc.d",
				Description: "In place of both scripts: a oneshot, slotgen, that publishes the slots when it goes up and\n" +
					"ends the gateways when it goes down, and a longrun, slotgen-watch, that keeps them up to\n" +
					"date in between. Add what has to be up first to slotgen/dependencies.d/.\n\n" +
					"Files of these names that are there are overwritten.",
				Flags: []cli.Flag{&cli.StringFlag{
					Name: "out", Usage: "write below `DIR`, in an s6-overlay image /etc/s6-overlay/s6-rc.d",
				}},
				Action: noArguments(func(c *cli.Context) error { return writeS6RC(c, out, msg) }),
			},
		},
	}
}

// scriptCommand returns the command that prints a script, which is installed at path.
func scriptCommand(out *output, kind, usage, path, description string) *cli.Command {
	return &cli.Command{
		Name: kind, Usage: usage, Description: description,
		UsageText: "slotgen hook " + kind + " >" + path + "\nchmod 755 " + path,
		Action: noArguments(func(*cli.Context) error {
			program, err := ownPath()
			if err != nil {
				return err
			}
			script, err := render.Hook(kind, program)
			if err != nil {
				return err
			}
			_, err = out.Write(script)
			return err
		}),
	}
}

func writeS6RC(c *cli.Context, out *output, msg messages) error {
	dir, err := outDir(c, "name one with --out; s6-overlay has /etc/s6-overlay/s6-rc.d")
	if err != nil {
		return err
	}
	program, err := ownPath()
	if err != nil {
		return err
	}
	written, err := render.WriteS6RC(dir, program)
	return printWritten(written, err, out, msg)
}

func ownPath() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program's own path: %w", err)
	}
	return program, nil
}
