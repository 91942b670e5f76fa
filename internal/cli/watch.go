package cli

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"slotgen/internal/watch"
	"slotgen/render"
)

const (
	defaultInterval = 30 * time.Second
	leastInterval   = time.Second
)

func watchCommand(msg messages) *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "keep the scandir true to the volume while the container lives",
		UsageText: "slotgen watch --prune --notification-fd 3",
		Description: "Makes the slot of a profile as soon as its SOUL.md is there, and updates slots when a " +
			"template changes. TERM and INT end it. HUP makes it look at everything again.\n\n" +
			"A slot that exists keeps its down file, or its lack of one: only reconcile decides anew which " +
			"gateways start. With --prune, watch takes down and removes the slot of a profile that does not " +
			"exist any more; it looks again 2 seconds later before it does. Without --prune it names the slot once.\n\n" +
			"Exit code 0: ended by a signal; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			pruneFlag("take down and remove the slots of profiles that go"),
			&cli.StringFlag{
				Name: "interval", EnvVars: []string{"SLOTGEN_INTERVAL"},
				DefaultText: defaultInterval.String(),
				Usage:       "look at volume and templates once in `DURATION` (5m, at least 1s), for mounts whose changes the kernel does not tell",
			},
			&cli.StringFlag{
				Name: "notification-fd", DefaultText: "none",
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
	interval, err := duration(c, "interval", defaultInterval)
	if err != nil {
		return watch.Options{}, err
	}
	if interval < leastInterval {
		return watch.Options{}, fmt.Errorf("%s %s: less than %s", origin(c, "interval"), interval, leastInterval)
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
	o := watch.Options{
		Pass: s.passOptions(readRole(s.proc, msg), msg), Tell: msg.print, Interval: interval,
		Templates: overrideDir(s.templates),
		Load:      func() (*render.Set, error) { return readTemplates(s.templates) },
	}
	o.Pass.Prune = c.Bool("prune")
	if ready != nil {
		o.Ready = func() error { return notifyReady(ready) }
	}
	return o, nil
}
