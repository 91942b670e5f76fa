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

// LockLimit bounds how long a pass waits for another one (docs/design.md, "Publishing").
const LockLimit = 10 * time.Second

// Run makes a pass: it carries out what Preview would plan. Its error means that no slot
// was touched; what fails for one profile is that profile's outcome. When ctx ends, the
// slot in hand is the last one. The scandir's lock is free when Run returns.
func Run(ctx context.Context, o Options) (Report, error) {
	a := applier{newPlanner(o)}
	defer a.close()
	if err := a.openVolume(); err != nil {
		return Report{}, err
	}
	if err := a.takeScandir(ctx); err != nil {
		return Report{}, err
	}
	a.warnOfRisks()
	a.readVolume()
	a.migrate()
	failed := a.prune(ctx, a.clearLeftovers())
	a.readScandir()
	outcomes := append(a.publishAll(ctx), failed...)
	a.markNews(outcomes)
	a.rescan(outcomes)
	a.log(outcomes)
	return a.report(outcomes), nil
}

// applier carries out what its planner decides.
type applier struct{ *planner }

// takeScandir makes the scandir where there is none and takes its lock.
func (a applier) takeScandir(ctx context.Context) error {
	if a.Scan.Autostart == scan.None {
		return a.lookAtScandir()
	}
	if err := scandir.Make(a.Scandir); err != nil {
		return hint.Add(err, scandirHint)
	}
	dir, err := scandir.Open(a.Scandir)
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
	return nil
}

// HintLock adds a hint to an error of a directory's lock. Own is what an ordinary user
// may give in its place, writable says how to name a directory that can be written.
func HintLock(err error, own, writable string) error {
	switch {
	case errors.Is(err, scandir.ErrHeld):
		return hint.Add(err, "one slotgen at a time changes a scandir, and a prune may take 17s, rarely twice that: try again")
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return hint.Add(err, "it takes root, or %s of your own", own)
	case errors.Is(err, unix.EROFS):
		return hint.Add(err, "%s", writable)
	}
	return err
}

// migrated is what a container from before s6 gets.
const migrated = "gateway_state.json: a container from before s6 gets its state recorded as running"

// migrates reports whether the pass records a state for a container from before s6.
func (p *planner) migrates() bool { return p.list.Migrate && p.Chosen(scan.DefaultName) }

// migrate records the state. Where it can't be written the gateway starts all the same.
func (a applier) migrate() {
	if !a.migrates() {
		return
	}
	err := a.volume.Migrate(a.volumeOwner(), time.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		a.listProfiles() // somebody recorded a state meanwhile: that one counts
	case err != nil:
		a.Tell(message.Of(message.Warning, err))
	default:
		a.event("wrote %s", migrated)
	}
}

// volumeOwner is the owner of what is made on the volume.
func (p *planner) volumeOwner() scan.Owner {
	if !p.owners.GivesAway() {
		return scan.KeepOwner()
	}
	return scan.Owner{UID: p.Scan.Base.UID, GID: p.Scan.Base.GID}
}

// rescan makes s6-svscan scan the scandir.
func (a applier) rescan(outcomes []Outcome) {
	if !a.Rescan || a.dir == nil || a.Scan.Autostart == scan.None {
		return
	}
	a.holdFailedDown(outcomes)
	err := a.dir.Rescan()
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

// log appends the outcomes that are news to the boot log. A boot goes on where it can't be written.
func (a applier) log(outcomes []Outcome) {
	var lines []scan.Outcome
	for _, o := range outcomes {
		if o.News {
			lines = append(lines, o.logged())
		}
	}
	if len(lines) == 0 {
		return
	}
	if err := a.volume.AppendBootLog(a.volumeOwner(), time.Now(), lines); err != nil {
		a.Tell(message.Of(message.Warning, err))
	}
}

func (o Outcome) logged() scan.Outcome {
	return scan.Outcome{
		Profile: o.Entry.Profile.Name, Intent: o.Entry.Intent, Action: string(o.Action),
		PriorExit: o.Entry.Profile.PriorExit, Reason: o.Reason,
	}
}

// AwaitSupervisors waits until every service has its supervisor, for at most limit. It
// needs no lock, and returns the services that have none.
func AwaitSupervisors(path string, services []string, limit time.Duration) ([]string, error) {
	dir, err := scandir.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.WaitSupervised(services, limit), nil
}
