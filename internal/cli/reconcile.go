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
		Description: "Reads the profiles on the volume, renders their service directories, publishes them in\n" +
			"the scandir and appends one line for each to logs/container-boot.log on the volume.\n\n" +
			"GATEWAY_MULTIPLEX_PROFILES switches multiplexing on or off, before config.yaml.\n" +
			"HERMES_GATEWAY_NO_SUPERVISE keeps a container whose command is gateway run from being\n" +
			"taken over.\n\n" +
			"A live slot is never moved or restarted: its files are replaced one by one, and are in\n" +
			"force when the service or its logger starts next.\n\n" +
			"Exit code 0: converged; 1: a profile failed, profiles/ could not be read to its end, --wait\n" +
			"expired, a signal ended a prune or output could not be written; 2: wrong usage or configuration.",
		Flags: slices.Concat(passFlags(), []cli.Flag{
			outputFlag(),
			profileFlag("publish the profile `NAME` only; repeatable"),
			&cli.BoolFlag{
				Name: "dry-run", Aliases: []string{"n"}, Category: categoryChoice,
				Usage: "print what would be done and touch nothing",
			},
			&cli.BoolFlag{
				Name: "rescan", Category: categorySlots,
				Usage: "make s6-svscan look at the scandir afterwards",
			},
			&cli.StringFlag{
				Name: "wait", Category: categorySlots,
				Usage: "wait up to `DURATION` (5s, 1m) until every slot has its supervisor",
			},
			pruneFlag("take down and remove the slots of profiles that are gone"),
		}, slotFlags()),
		Action: noArguments(func(c *cli.Context) error {
			outliveReaders()
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			wait, err := duration(c, "wait", 0)
			if err != nil {
				return err
			}
			if wait < 0 {
				return fmt.Errorf("--wait %s: a duration below zero", wait)
			}
			role := readRole(s.proc, msg)
			if word := role.NoGateways(); word != "" {
				return skip(word, s, out, msg)
			}
			collectOften()
			o, err := passOptions(c, s, role, msg)
			if err != nil {
				return err
			}
			o.Rescan, o.Prune, o.Live = c.Bool("rescan"), c.Bool("prune"), s.json
			r := reconciler{Options: o, json: s.json, wait: wait, msg: msg, out: out}
			if c.Bool("dry-run") {
				return r.preview(c.Context)
			}
			return r.run(c.Context)
		}),
	}
}

// outliveReaders has a write to a pipe without a reader fail, instead of ending the
// process: a boot does not depend on who listens.
func outliveReaders() { signal.Ignore(unix.SIGPIPE) }

// collectOften has garbage collected when the heap has grown by half. It keeps a pass over
// 10,000 profiles at 26 MiB; with Go's own setting it takes up to 30.
func collectOften() { debug.SetGCPercent(50) }

// reconciler is `slotgen reconcile`.
type reconciler struct {
	reconcile.Options
	json bool
	// wait bounds how long the pass waits for the supervisors, 0 is not at all.
	wait time.Duration
	msg  messages
	out  *output
}

// run makes a pass and prints its outcomes.
func (r reconciler) run(ctx context.Context) error {
	start := time.Now()
	report, err := r.pass(ctx)
	if err != nil {
		return err
	}
	for _, o := range report.Outcomes {
		for _, m := range o.Messages() {
			r.msg.print(m)
		}
	}
	if err := r.print(report, ""); err != nil {
		return err
	}
	isSupervised := r.awaitSupervisors(report)
	r.msg.line("%s", report.Summary(time.Since(start)))
	if !report.OK() || !isSupervised {
		return reportedError{}
	}
	return nil
}

// pass makes the pass. Nobody waits for who reads the messages while it has the
// scandir's lock. Where it prunes, a signal ends it in good order: a service that was
// taken down and not hidden would stay down when its profile is back.
func (r reconciler) pass(ctx context.Context) (reconcile.Report, error) {
	r.msg.w.hold()
	defer r.msg.w.release(forever)
	if !r.Prune {
		return reconcile.Run(ctx, r.Options)
	}
	// Who started slotgen may want INT or HUP ignored.
	ends := slices.DeleteFunc([]os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal is answered at once
	report, err := reconcile.Run(ctx, r.Options)
	if ctx.Err() == nil {
		return report, err
	}
	r.msg.fail(errors.New("ended by a signal: what is left to do is the next pass's"))
	for _, service := range report.Draining {
		r.msg.warn("slot %q is hidden and has not ended yet: the next pass clears it", service)
	}
	report.Incomplete = true
	if errors.Is(err, context.Canceled) {
		err = reportedError{}
	}
	return report, err
}

// preview prints what a pass would do.
func (r reconciler) preview(ctx context.Context) error {
	start := time.Now()
	report, err := reconcile.Preview(ctx, r.Options, nil)
	if err != nil {
		return err
	}
	for _, o := range report.Outcomes {
		for _, m := range o.Messages() {
			r.msg.print(m)
		}
	}
	if err := r.print(report, " change="); err != nil {
		return err
	}
	report.Pruned = nil
	r.msg.line("%s", report.Summary(time.Since(start)))
	if !report.OK() {
		return reportedError{}
	}
	return nil
}

// print prints the outcomes. Change, where it is not empty, is followed by each one's
// change.
func (r reconciler) print(report reconcile.Report, change string) error {
	if r.json {
		return writeDocument(r.out, r.Scandir, report)
	}
	var text bytes.Buffer
	for _, o := range report.Outcomes {
		text.WriteString("reconcile: " + o.Fields())
		if change != "" {
			text.WriteString(change + string(o.Change))
		}
		text.WriteByte('\n')
	}
	_, err := r.out.Write(text.Bytes())
	return err
}

// awaitSupervisors waits until every slot has its supervisor. It names those that never
// get one, and reports whether there are none.
func (r reconciler) awaitSupervisors(report reconcile.Report) bool {
	if r.wait == 0 || report.Autostart == scan.None {
		return true
	}
	missing, err := reconcile.AwaitSupervisors(r.Scandir, report.Services(), r.wait)
	if err != nil {
		r.msg.fail(err)
		return false
	}
	for _, service := range missing {
		r.msg.fail(fmt.Errorf("slot %q has no supervisor after %s", service, r.wait))
	}
	switch {
	case len(missing) == 0:
	case !r.Rescan:
		r.msg.line("hint: --rescan makes s6-svscan look for new slots")
	default:
		r.msg.line("hint: s6-svscan says on its standard error what it does not take up")
	}
	return len(missing) == 0
}

// skip says that the container supervises no gateways. Word is what it is started as.
func skip(word string, s settings, out *output, msg messages) error {
	line := fmt.Sprintf("reconcile: skipping (%s container — does not need per-profile gateways)", word)
	if !s.json {
		_, err := fmt.Fprintln(out, line)
		return err
	}
	msg.line("%s", line)
	return writeDocument(out, s.scandir, reconcile.Report{Home: scan.Root(s.home), Autostart: scan.None})
}
