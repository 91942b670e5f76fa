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
		Usage:  "print the scripts and services for an image",
		Action: noSubcommand("hook"),
		Subcommands: []*cli.Command{
			scriptCommand(out, "cont-init", "print the boot script", "/etc/cont-init.d/99-slotgen",
				"The last of the scripts there, since the gateways start when it runs. It turns exit code 1 "+
					"into 0: one bad profile stops no container that takes a failing hook for a fatal one."),
			scriptCommand(out, "cont-finish", "print the stop script", "/etc/cont-finish.d/10-slotgen",
				"It runs slotgen stop, before the container stops its services."),
			filesCommand(out, msg, render.WriteWatch, "watch", "write a service that keeps the slots up to date", "/etc/services.d/slotgen-watch",
				"A service directory that runs slotgen watch and reports its readiness. It goes with the two "+
					"scripts; the definitions of hook s6-rc have it already. After exit code 2, a wrong setting, "+
					"its finish script keeps it down: each start would fail."),
			filesCommand(out, msg, render.WriteS6RC, "s6-rc", "write s6-rc definitions: gateways may need other services", "/etc/s6-overlay/s6-rc.d",
				"In place of both scripts: a oneshot, slotgen, that publishes the slots when it goes up and "+
					"ends the gateways when it goes down, and a longrun, slotgen-watch, that keeps them up to "+
					"date in between. Add what has to be up first to slotgen/dependencies.d/."),
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

// filesCommand returns the command that writes files below a directory, which is path in an
// s6-overlay image.
func filesCommand(out *output, msg messages, write func(dir, program string) ([]string, error), kind, usage, path, description string) *cli.Command {
	return &cli.Command{
		Name: kind, Usage: usage,
		Description: description + "\n\nIt overwrites existing files of these names.",
		UsageText:   "slotgen hook " + kind + " --out " + path,
		Flags: []cli.Flag{&cli.StringFlag{
			Name: "out", Usage: "write below `DIR`, in an s6-overlay image " + path,
		}},
		Action: noArguments(func(c *cli.Context) error {
			dir, err := outDir(c, "name one with --out; s6-overlay has "+path)
			if err != nil {
				return err
			}
			program, err := ownPath()
			if err != nil {
				return err
			}
			written, err := write(dir, program)
			return printWritten(written, err, out, msg)
		}),
	}
}

func ownPath() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program's own path: %w", err)
	}
	return program, nil
}
