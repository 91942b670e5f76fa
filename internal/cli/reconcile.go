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

	"slotgen/scan"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
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
			collectOften()
			p := newPass(s, msg)
			p.only, p.dryRun, p.rescan = c.StringSlice("profile"), c.Bool("dry-run"), c.Bool("rescan")
			p.pruning, p.wait = c.Bool("prune"), wait
			return reconcile(c.Context, p, out)
		}),
	}
}

// outliveReaders has a write to a pipe without a reader fail, instead of ending the
// process: a boot does not depend on who listens.
func outliveReaders() { signal.Ignore(unix.SIGPIPE) }

// collectOften has garbage collected when the heap has grown by half. It keeps a pass over
// 10,000 profiles at 26 MiB; with Go's own setting it takes up to 30.
func collectOften() { debug.SetGCPercent(50) }

// reconcile makes a pass and prints its outcomes, in a container that has
// gateways.
func reconcile(ctx context.Context, p *pass, out *output) error {
	if word := p.role.NoGateways(); word != "" {
		return skipContainer(p, out, word)
	}
	defer p.close()
	start := time.Now()
	outcomes, err := p.runToItsEnd(ctx)
	if err != nil {
		return err
	}
	p.unlock() // whoever reads the output may be slow
	for _, o := range outcomes {
		o.tell(p.msg)
	}
	if err := printOutcomes(p, out, outcomes); err != nil {
		return err
	}
	p.waitForSupervisors(outcomes)
	p.msg.line("%s", summary(outcomes, p.pruned, time.Since(start)))
	if p.incomplete || anyFailed(outcomes) {
		return reportedError{}
	}
	return nil
}

// runToItsEnd is run that a signal ends in good order where services are told to go:
// one that could still be seen would stay down when its profile is back.
func (p *pass) runToItsEnd(ctx context.Context) ([]outcome, error) {
	if !p.pruning || p.dryRun {
		return p.run(ctx)
	}
	// Who started slotgen may want INT or HUP ignored.
	ends := slices.DeleteFunc([]os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(ctx, ends...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal is answered at once
	outcomes, err := p.run(ctx)
	if ctx.Err() == nil {
		return outcomes, err
	}
	p.fail(errors.New("ended by a signal: what is left to do is the next pass's"))
	p.wait = 0
	if errors.Is(err, context.Canceled) {
		err = reportedError{}
	}
	return outcomes, err
}

func printOutcomes(p *pass, out *output, outcomes []outcome) error {
	if p.json {
		return writeDocument(out, p.volume.Home(), p.scandir, p.list.Autostart, outcomes)
	}
	var text bytes.Buffer
	for _, o := range outcomes {
		text.WriteString(o.line(p.dryRun))
		text.WriteByte('\n')
	}
	_, err := out.Write(text.Bytes())
	return err
}

// readRole finds out what the container was started to do. Where that can't be
// told it is one that supervises gateways, as most are.
func readRole(proc string, msg messages) scan.Role {
	role, err := scan.ReadRole(proc)
	if err != nil {
		msg.warn("finding the container's role: %s: taken for one that supervises gateways", err)
	}
	return role
}

// skipContainer says that the container supervises no gateways.
func skipContainer(p *pass, out *output, word string) error {
	line := fmt.Sprintf("reconcile: skipping (%s container — does not need per-profile gateways)", word)
	if !p.json {
		_, err := fmt.Fprintln(out, line)
		return err
	}
	p.msg.line("%s", line)
	return writeDocument(out, scan.Root(p.home), p.scandir, scan.None, nil)
}
