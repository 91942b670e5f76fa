package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
)

func reconcileCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:  "reconcile",
		Usage: "publish the slot of every profile",
		Description: "Reads the profiles on the volume, renders their service directories, publishes them in\n" +
			"the scandir and appends one line for each to logs/container-boot.log on the volume.\n" +
			"Exit code 0: converged; 1: a profile failed; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			homeFlag(), scandirFlag(),
			&cli.StringSliceFlag{
				Name: "profile", Category: categoryChoice, KeepSpace: true,
				Usage: "publish the profile `NAME` only; repeatable",
			},
			&cli.BoolFlag{
				Name: "dry-run", Aliases: []string{"n"}, Category: categoryChoice,
				Usage: "print what would be done and touch nothing",
			},
			&cli.BoolFlag{
				Name: "rescan", Category: categorySlots,
				Usage: "make s6-svscan look at the scandir afterwards",
			},
		}, slotFlags()),
		Action: noArguments(func(c *cli.Context) error {
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			p := pass{
				settings: s, msg: msg,
				only: c.StringSlice("profile"), dryRun: c.Bool("dry-run"), rescan: c.Bool("rescan"),
			}
			start := time.Now()
			outcomes, err := p.run()
			if err != nil {
				return err
			}
			for _, o := range outcomes {
				fmt.Fprintln(out, o.line(p.dryRun))
			}
			msg.line("%s", summary(outcomes, time.Since(start)))
			if p.incomplete {
				return reportedError{}
			}
			return nil
		}),
	}
}
