package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"slotgen/internal/reconcile"
	"slotgen/scan"
)

func reconcileCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:  "reconcile",
		Usage: "publish the slot of every profile",
		UsageText: "slotgen reconcile --rescan --wait 10s\n" +
			"slotgen reconcile --dry-run --profile coder",
		Description: "Reads the profiles on the volume, renders their service directories, publishes them in " +
			"the scandir and appends one line for each profile to logs/container-boot.log on the volume.\n\n" +
			"A live slot is never moved or restarted: its files are replaced one by one, and are in " +
			"force when the service or its logger starts next.\n\n" +
			"GATEWAY_MULTIPLEX_PROFILES switches multiplexing on or off, and overrides config.yaml. " +
			"With HERMES_GATEWAY_NO_SUPERVISE slotgen records no state for a container whose command is gateway run.\n\n" +
			"Exit code 0: all slots are as they should be; 1: a profile failed, the profiles folder could not be read " +
			"to its end, --wait expired, a signal ended a prune or output could not be written; 2: wrong usage " +
			"or configuration, and nothing was touched.",
		Flags: slices.Concat([]cli.Flag{
			profileFlag("publish the profile `NAME` only; repeatable"),
			&cli.BoolFlag{
				Name: "dry-run", Aliases: []string{"n"},
				Usage: "print what would be done and touch nothing",
			},
			&cli.BoolFlag{
				Name:  "rescan",
				Usage: "make s6-svscan look at the scandir afterwards",
			},
			&cli.BoolFlag{
				Name:  "resume",
				Usage: "publish again after slotgen stop, which keeps every pass from it",
			},
			&cli.StringFlag{
				Name:  "wait",
				Usage: "wait up to `DURATION` (5s, 1m) until every slot has its supervisor",
			},
			&cli.BoolFlag{
				Name:  "prune",
				Usage: "take down and remove the slots of profiles that do not exist any more",
			},
			outputFlag(),
		}, passFlags(), slotFlags()),
		Action: noArguments(func(c *cli.Context) error {
			ignoreBrokenPipe()
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			wait, err := duration(c, "wait", 0, 0)
			if err != nil {
				return err
			}
			r := reconciler{settings: s, dryRun: c.Bool("dry-run"), wait: wait, msg: msg, out: out}
			if r.readRole(); r.NoGateways != "" {
				r.skip()
				return nil
			}
			collectOften()
			if r.Templates, err = loadTemplates(r.templates, r.Layout, msg); err != nil {
				return err
			}
			r.Rescan, r.Resume, r.Prune, r.Live = c.Bool("rescan"), c.Bool("resume"), c.Bool("prune"), r.json
			return r.run(c.Context)
		}),
	}
}

// ignoreBrokenPipe makes a write to a pipe without a reader return an error. By default it
// ends the process, and a boot would depend on the reader of its messages.
func ignoreBrokenPipe() { signal.Ignore(unix.SIGPIPE) }

// collectOften makes the garbage collector run when the heap has grown by half. A pass over
// 10,000 profiles then takes 26 MiB; with Go's default it takes up to 30.
func collectOften() { debug.SetGCPercent(50) }

// reconciler carries out `slotgen reconcile`.
type reconciler struct {
	settings
	dryRun bool
	// wait bounds the wait for the supervisors; 0 means no wait.
	wait time.Duration
	msg  messages
	out  *output
}

// run makes a pass, or plans it in a dry run, and prints its outcomes.
func (r reconciler) run(ctx context.Context) error {
	start := time.Now()
	report, err := r.pass(ctx)
	if err != nil {
		return err
	}
	r.msg.printAll(reconcile.Messages(report.Outcomes))
	r.print(report)
	ok := report.OK()
	if r.dryRun {
		report.Pruned = nil
	} else {
		ok = r.awaitSupervisors(report) && ok
	}
	r.msg.info("%s", report.Summary(time.Since(start)))
	if !r.dryRun && len(r.Only) == 0 && report.FailedAll() {
		r.msg.fail(errors.New("no gateway was published"))
	}
	if !ok {
		return reportedError{}
	}
	return nil
}

// pass makes or plans the pass. It never waits for the reader of its messages while it holds the
// scandir's lock. With --prune a signal ends it in good order: a service that was taken
// down and not hidden would stay down when its profile is back.
func (r reconciler) pass(ctx context.Context) (reconcile.Report, error) {
	if r.dryRun {
		return reconcile.Preview(ctx, r.Options, nil)
	}
	r.msg.w.hold()
	defer r.msg.w.release(forever)
	if !r.Prune {
		return reconcile.Run(ctx, r.Options)
	}
	// The parent process may have set INT or HUP to be ignored.
	ends := slices.DeleteFunc([]os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	report, err := reconcile.Run(ctx, r.Options)
	if ctx.Err() == nil {
		return report, err
	}
	r.msg.fail(errors.New("ended by a signal: the next pass does the rest"))
	for _, service := range report.Draining {
		r.msg.warn("slot %q is hidden and has not ended yet: the next pass clears it", service)
	}
	report.Incomplete = true
	if errors.Is(err, context.Canceled) {
		err = reportedError{}
	}
	return report, err
}

// print prints the outcomes. In a dry run each line ends with the outcome's change.
func (r reconciler) print(report reconcile.Report) {
	if r.json {
		writeDocument(r.out, r.Scandir, report)
		return
	}
	var text bytes.Buffer
	for _, o := range report.Outcomes {
		text.WriteString("reconcile: " + o.Fields())
		if r.dryRun {
			text.WriteString(" change=" + string(o.Change))
		}
		text.WriteByte('\n')
	}
	_, _ = r.out.Write(text.Bytes())
}

// awaitSupervisors waits until every slot has its supervisor. It reports whether all have
// one, and names the others.
func (r reconciler) awaitSupervisors(report reconcile.Report) bool {
	if r.wait == 0 || report.Autostart == scan.None {
		return true
	}
	missing := r.AwaitSupervisors(report.Services(), r.wait)
	for _, err := range missing {
		r.msg.fail(err)
	}
	switch {
	case len(missing) == 0:
	case !report.Listens:
		r.msg.line("hint: no s6-svscan listens on %q: --scandir names the directory that it scans", r.Scandir)
	case !r.Rescan:
		r.msg.line("hint: --rescan makes s6-svscan look for new slots")
	default:
		r.msg.line("hint: s6-svscan says on its standard error what it does not take up")
	}
	return len(missing) == 0
}

// skip prints that the container supervises no gateways.
func (r reconciler) skip() {
	line := fmt.Sprintf("reconcile: skipping (%s container — does not need per-profile gateways)", r.NoGateways)
	if !r.json {
		fmt.Fprintln(r.out, line)
		return
	}
	r.msg.info("%s", line)
	writeDocument(r.out, r.Scandir, reconcile.Report{Home: r.Layout.Root(r.Home), Autostart: scan.None})
}
