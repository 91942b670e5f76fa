package cli

import (
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"slotgen/internal/watch"
	"slotgen/render"
	"slotgen/scan"
)

const (
	defaultInterval = 30 * time.Second
	leastInterval   = time.Second

	defaultPruneAfter = time.Minute
	leastPruneAfter   = 2 * time.Second
)

func watchCommand(msg messages) *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "update the slots when the volume changes",
		UsageText: "slotgen watch --notification-fd 3",
		Description: "Makes the slot of a profile as soon as its marker is there, " + scan.DefaultLayout().Marker + " by default, and updates slots when a " +
			"template changes. TERM and INT end it. HUP makes it look at everything again.\n\n" +
			"A slot that exists keeps its down file, or its lack of one: only reconcile decides anew which " +
			"gateways start.\n\n" +
			"It takes down and removes a slot when its profile was missing at every look for --prune-after. " +
			"It prunes nothing while the profiles folder is another directory than at its first look, or holds no profile: " +
			"the volume may not be mounted. Then, and with --prune=false, it names the slots once, and " +
			"slotgen reconcile --prune removes them.\n\n" +
			"Exit code 0: ended by a signal; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{
				Name: "prune", Value: true,
				Usage: "take down and remove the slots of profiles that do not exist any more; --prune=false names them",
			},
			setting("prune-after", "SLOTGEN_PRUNE_AFTER", "1m",
				"prune a slot whose profile was missing for `DURATION` (90s, at least 2s)"),
			setting("interval", "SLOTGEN_INTERVAL", defaultInterval.String(),
				"look at volume and templates once in `DURATION` (5m, at least 1s), for mounts whose changes the kernel does not tell"),
			&cli.StringFlag{
				Name: "notification-fd", DefaultText: none,
				Usage: "write a newline to descriptor `N` when all slots are there",
			},
		}, passFlags(), slotFlags()),
		Action: noArguments(func(c *cli.Context) error {
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, unix.SIGHUP) // before anything else: by default HUP ends the process
			ctx, stop := signal.NotifyContext(c.Context, unix.SIGTERM, unix.SIGINT)
			defer stop()
			ignoreBrokenPipe()
			msg.w.hold()
			defer msg.w.release(time.Second)
			o, err := watchOptions(c, msg)
			if err != nil {
				return err
			}
			o.Again = hup
			return watch.Run(ctx, o)
		}),
	}
}

func watchOptions(c *cli.Context, msg messages) (watch.Options, error) {
	s, err := readSettings(c, msg)
	if err != nil {
		return watch.Options{}, err
	}
	interval, err := duration(c, "interval", defaultInterval, leastInterval)
	if err != nil {
		return watch.Options{}, err
	}
	pruneAfter, err := duration(c, "prune-after", defaultPruneAfter, leastPruneAfter)
	if err != nil {
		return watch.Options{}, err
	}
	warnOfOwnService(msg)
	fd, err := number(c, "notification-fd", 0)
	if err != nil {
		return watch.Options{}, err
	}
	ready, err := openNotification(fd)
	if err != nil {
		return watch.Options{}, err
	}
	s.readRole()
	o := watch.Options{
		Pass: s.Options, Tell: msg.print, Interval: interval, PruneAfter: pruneAfter,
		Templates: pathOrNone(s.templates, defaultTemplates),
		Load:      func() (*render.Set, error) { return readTemplates(s.templates, s.Layout) },
		Ready:     ready,
	}
	o.Pass.Prune = c.Bool("prune")
	return o, nil
}
