package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// lockWait bounds how long a pass waits for another one.
const lockWait = 10 * time.Second

// pass is one reconcile: scan, render, publish, log.
type pass struct {
	settings
	msg  messages
	set  *render.Set
	role scan.Role
	// noTemplates is why there is no set.
	noTemplates error

	only   []string
	dryRun bool
	rescan bool
	// pruning removes slots without a profile; otherwise they are named.
	pruning bool
	// wait bounds how long the supervisors are waited for, 0 not at all.
	wait time.Duration
	// explain gives ignored entries an outcome too.
	explain bool
	// detailed keeps in the outcomes what differs.
	detailed bool
	// memory is what a watch keeps from pass to pass, nil for a pass by itself.
	memory *memory

	// incomplete is set when something beside a profile was left undone.
	incomplete bool
	// pruned counts the slots that were removed since their profiles are gone.
	pruned int
	// leavesRoom names the slots that a dry run would prune.
	leavesRoom []string

	volume *scan.Volume
	list   scan.Listing
	// dir is nil where no scandir is touched: in a dry run without one, and
	// under the policy none.
	dir *scandir.Dir
	// locked is set as long as we hold the scandir's lock. Messages keep nobody waiting
	// meanwhile.
	locked bool
	names  scandir.Names
	owners scandir.Owners
}

// newPass reads what a pass needs beside the volume.
func newPass(s settings, msg messages) *pass {
	p := &pass{settings: s, msg: msg, role: readRole(s.proc, msg)}
	p.set, p.noTemplates = readTemplates(s.templates)
	return p
}

// run makes the pass; the caller closes it. Its error means that no slot was touched;
// what goes wrong with one profile is that profile's outcome. When ctx ends, the slot
// in hand is the last.
func (p *pass) run(ctx context.Context) (outcomes []outcome, err error) {
	if p.volume, err = openVolume(p.home); err != nil {
		return nil, err
	}
	if err := p.checkOnly(); err != nil {
		return nil, err
	}
	if p.noTemplates != nil {
		return nil, p.noTemplates
	}
	p.msg.warnAll(p.set.Warnings)
	if err := p.openScandir(ctx); err != nil {
		return nil, err
	}
	p.owners = scandir.OwnersFor(p.access, p.base.UID, p.base.GID)
	p.warnOfRisks()
	p.scan()
	p.migrate()
	unpruned := p.prune(ctx, p.sweep())
	outcomes = append(p.publishAll(ctx), unpruned...)
	if p.json || p.explain {
		p.addLive(outcomes)
	}
	p.markNews(outcomes)
	if !p.dryRun {
		p.sendRescan(outcomes)
		p.log(outcomes)
	}
	return outcomes, nil
}

// close gives up the lock, the scandir and the volume.
func (p *pass) close() {
	p.unlock()
	if p.dir != nil {
		p.dir.Close()
	}
	if p.volume != nil {
		p.volume.Close()
	}
}

func openVolume(home string) (*scan.Volume, error) {
	v, err := scan.Open(home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		err = withHint(err, "--home or HERMES_HOME names the volume's root")
	}
	return v, err
}

const scandirHint = "--scandir or S6_PROFILE_GATEWAY_SCANDIR names s6-svscan's directory"

func (p *pass) openScandir(ctx context.Context) error {
	if p.autostart == scan.None {
		return nil
	}
	if !p.dryRun {
		if err := scandir.Make(p.scandir); err != nil {
			return withHint(err, scandirHint)
		}
	}
	dir, err := scandir.Open(p.scandir)
	if p.dryRun && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return withHint(err, scandirHint)
	}
	if p.pruning {
		if err := p.volume.Apart(dir.FD()); err != nil {
			err = withHint(fmt.Errorf("pruning in scandir %q: %w", p.scandir, err),
				"--prune removes what is called gateway-NAME there: keep the scandir apart from the volume")
			return errors.Join(err, dir.Close())
		}
	}
	if !p.dryRun {
		if err := dir.Lock(ctx, lockWait); err != nil {
			err = hintLock(err, "a --scandir", "--scandir or S6_PROFILE_GATEWAY_SCANDIR names a directory on a writable tmpfs")
			return errors.Join(err, dir.Close())
		}
		p.msg.w.hold()
		p.locked = true
	}
	if p.memory != nil {
		p.memory.leaving.Keep(dir)
	}
	p.dir = dir
	return nil
}

// hintLock adds the mend to an error of a directory's lock. Own is what anybody may
// name in its place, and writable says how to name one that can be written.
func hintLock(err error, own, writable string) error {
	switch {
	case errors.Is(err, scandir.ErrHeld):
		return withHint(err, "one slotgen at a time changes a scandir, and a prune may take 17s, rarely twice that: try again")
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return withHint(err, "it takes root, or %s of your own", own)
	case errors.Is(err, unix.EROFS):
		return withHint(err, "%s", writable)
	}
	return err
}

func (p *pass) warnOfRisks() {
	if danger := p.access.Dangerous(); danger != "" {
		p.msg.warn("--supervise-access %s: %s", p.access, danger)
	}
	if p.dir == nil {
		return
	}
	p.msg.warnAll(p.dir.Risks())
}

// look reads the volume, and scan tells what there is to tell of it, too.
func (p *pass) look() {
	p.list = p.volume.Scan(p.scanOptions(p.role))
}

func (p *pass) scan() {
	p.look()
	p.msg.warnAll(p.list.Warnings)
	for _, n := range p.list.Notices {
		p.msg.note("%s", n)
	}
	if p.list.Err != nil {
		p.fail(p.list.Err)
	}
}

func (p *pass) sendRescan(outcomes []outcome) {
	if !p.rescan || p.dir == nil {
		return
	}
	p.holdFailedDown(outcomes)
	err := p.dir.Rescan()
	switch {
	case errors.Is(err, scandir.ErrNoScanner):
		p.msg.warn("no s6-svscan listens on scandir %q: the slots come up when one starts", p.scandir)
	case err != nil:
		p.fail(fmt.Errorf("asking for a rescan: %w", err))
	}
}

// markNews marks the outcomes that are a change, that were not said yet, or that end
// what was said.
func (p *pass) markNews(outcomes []outcome) {
	for i := range outcomes {
		o := &outcomes[i]
		seen := p.msg.seen.Seen(subject{o.entry.Profile.Name, "outcome"}, o.lasting())
		o.isNews = !seen || o.change == scandir.Created || o.change == scandir.Updated
	}
}

// log appends the outcomes that are news to the boot log. The log is no part of the
// job: where it can't be written, the boot goes on.
func (p *pass) log(outcomes []outcome) {
	lines := make([]scan.Outcome, 0, len(outcomes))
	for _, o := range outcomes {
		if o.isNews {
			lines = append(lines, o.logged())
		}
	}
	if len(lines) == 0 {
		return
	}
	if err := p.volume.AppendBootLog(p.volumeOwner(), time.Now(), lines); err != nil {
		p.msg.warnOf(err, err.Error())
	}
}

func (p *pass) fail(err error) {
	p.msg.fail(err)
	p.incomplete = true
}

func (p *pass) failFor(profile string, err error) {
	p.msg.about(profile).fail(err)
	p.incomplete = true
}
