package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// LockLimit bounds the wait for the scandir's lock (docs/design.md, "Publishing").
const LockLimit = 10 * time.Second

// Run makes a pass: it carries out the plan that Preview shows. When it returns an error it
// has touched no slot. A failure of one profile is that profile's outcome. When ctx ends,
// Run finishes the slots in hand and begins no other. It releases the scandir's lock before
// it returns.
func Run(ctx context.Context, o Options) (Report, error) {
	a := applier{newPlanner(o)}
	defer a.close()
	if err := a.openVolume(); err != nil {
		return Report{}, err
	}
	if err := a.lockScandir(ctx); err != nil {
		return Report{}, err
	}
	a.warnOfRisks()
	a.readVolume()
	a.migrate()
	failed := a.prune(ctx, a.clearLeftovers())
	a.readScandir()
	outcomes := append(a.publishAll(ctx), failed...)
	a.checkModes()
	a.markNews(outcomes)
	a.rescan(outcomes)
	a.log(outcomes)
	return a.report(outcomes), nil
}

// applier carries out the steps of its planner.
type applier struct{ *planner }

// lockScandir makes the scandir if it is missing, opens it and takes its lock.
func (a applier) lockScandir(ctx context.Context) error {
	if a.Scan.Autostart == scan.None {
		return a.lookAtScandir()
	}
	if err := scandir.Make(a.Scandir); err != nil {
		return hint.Add(err, scandirHint)
	}
	dir, err := scandir.Open(a.Scandir, a.Layout.Prefix)
	if err != nil {
		return hint.Add(err, scandirHint)
	}
	a.dir = dir
	if err := a.checkApart(); err != nil {
		return err
	}
	if err := dir.Lock(ctx, LockLimit); err != nil {
		return HintLock(err, "a --scandir", "--scandir or S6_PROFILE_GATEWAY_SCANDIR names a directory on a writable tmpfs")
	}
	a.Drain.Keep(dir)
	return a.checkStopped()
}

// checkStopped returns an error while the scandir has the mark of a stop. With Resume it removes
// the mark first.
func (a applier) checkStopped() error {
	if a.Resume {
		return a.dir.Resume()
	}
	return a.dir.CheckStopped()
}

// HintLock adds a hint to an error of a directory's lock. Own names the option with which a
// user without root can give a directory. Writable is the hint for a read-only file system.
func HintLock(err error, own, writable string) error {
	switch {
	case errors.Is(err, scandir.ErrHeld):
		return hint.Add(err, "one slotgen at a time changes a scandir, and a prune may take 17 seconds, rarely twice that: try again")
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return hint.Add(err, "only root may do this: or use %s of your own", own)
	case errors.Is(err, unix.EROFS):
		return hint.Add(err, "%s", writable)
	}
	return err
}

// migrated describes the state file that the pass writes for a container from before s6.
const migrated = "%s: a container from before s6 gets its state recorded as running"

// migrates reports whether the pass records a state for a container from before s6.
func (p *planner) migrates() bool { return p.list.Migrate && p.Chosen(scan.DefaultName) }

// migrate records the state. A failure is a warning, and the gateway still starts.
func (a applier) migrate() {
	if !a.migrates() {
		return
	}
	err := a.volume.Migrate(time.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		a.listProfiles() // another process has written a state since the scan: it counts
	case err != nil:
		a.Tell(message.Of(message.Warning, err))
	default:
		a.event("wrote "+migrated, a.Layout.StateFile)
	}
}

// checkModes warns when the pass has found that the scandir ignores modes.
func (a applier) checkModes() {
	if a.dir == nil {
		return
	}
	if err := a.dir.CheckModes(); err != nil {
		a.Tell(message.Of(message.Warning, err))
	}
}

// rescan makes s6-svscan scan the scandir.
func (a applier) rescan(outcomes []Outcome) {
	if !a.Rescan || a.dir == nil || a.Scan.Autostart == scan.None {
		return
	}
	a.holdFailedDown(outcomes)
	err := a.dir.CheckStopped()
	if err == nil {
		err = a.dir.Rescan()
	}
	switch {
	case errors.Is(err, scandir.ErrNoScanner):
		a.Tell(message.Warn("no s6-svscan listens on scandir %q: the slots come up when one starts", a.Scandir))
	case err != nil:
		a.fail(fmt.Errorf("asking for a rescan: %w", err))
	}
}

func (a applier) markNews(outcomes []Outcome) {
	for i := range outcomes {
		outcomes[i].News = a.News(outcomes[i])
	}
}

// log appends the outcomes that are news to the boot log. A failure is a warning: it never
// fails a boot.
func (a applier) log(outcomes []Outcome) {
	var lines []scan.Outcome
	for _, o := range outcomes {
		if o.News {
			lines = append(lines, o.bootLogLine())
		}
	}
	if len(lines) == 0 {
		return
	}
	host, err := os.Hostname()
	if err != nil {
		a.Tell(message.Warn("finding this host's name for the boot log: %s", err))
	}
	if err := a.volume.AppendBootLog(time.Now(), host, lines); err != nil {
		a.Tell(message.Of(message.Warning, err))
	}
}

func (o Outcome) bootLogLine() scan.Outcome {
	return scan.Outcome{
		Profile: o.Entry.Profile.Name, Intent: o.Entry.Intent, Action: string(o.Action),
		PriorExit: o.Entry.Profile.PriorExit, Change: string(o.Change), Reason: o.Reason,
	}
}

// AwaitSupervisors waits, for at most limit, until every service has its supervisor. It
// returns an error for each service without one. It needs no lock.
func (o Options) AwaitSupervisors(services []string, limit time.Duration) []error {
	dir, err := scandir.Open(o.Scandir, o.Layout.Prefix)
	if err != nil {
		return []error{err}
	}
	defer dir.Close()
	var missing []error
	for _, service := range dir.WaitSupervised(services, limit) {
		err := fmt.Errorf("slot %q has no supervisor after %s", service, limit)
		if blocker := dir.Blocker(service); blocker != "" {
			err = hint.Add(err, "%s", blocker)
		}
		missing = append(missing, err)
	}
	return missing
}
