package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// lockWait bounds how long a pass waits for another one.
const lockWait = 10 * time.Second

// pass is one reconcile: scan, render, publish, log.
type pass struct {
	settings
	msg    messages
	only   []string
	dryRun bool
	rescan bool

	// incomplete is set when something was left undone: exit code 1.
	incomplete bool

	volume *scan.Volume
	set    *render.Set
	dir    *scandir.Dir // nil in a dry run without a scandir
	owners scandir.Owners
}

// run makes the pass. Its error means that nothing was touched; what goes wrong
// with one profile is that profile's outcome.
func (p *pass) run() (outcomes []outcome, err error) {
	if p.volume, err = scan.Open(p.home); err != nil {
		return nil, withHint(err, "--home or HERMES_HOME names the volume's root")
	}
	defer p.volume.Close()
	if err := p.checkOnly(); err != nil {
		return nil, err
	}
	if p.set, err = render.Embedded(); err != nil {
		return nil, err
	}
	if err := p.openScandir(); err != nil {
		return nil, err
	}
	if p.dir != nil {
		defer p.dir.Close()
	}
	p.owners = scandir.OwnersFor(p.access, p.base.UID, p.base.GID)
	p.warnOfRisks()
	return p.publishAll(p.scan()), nil
}

// checkOnly refuses a --profile that is not on the volume before anything is
// touched.
func (p *pass) checkOnly() error {
	if len(p.only) == 0 {
		return nil
	}
	listing := p.volume.Scan(p.base)
	for _, name := range p.only {
		if err := findProfile(listing, name, p.volume.Home()); err != nil {
			return err
		}
	}
	return nil
}

// findProfile returns an error when a listing has no profile called name.
func findProfile(listing scan.Listing, name, home string) error {
	i := slices.IndexFunc(listing.Entries, func(e scan.Entry) bool { return e.Profile.Name == name })
	if i < 0 {
		return withHint(fmt.Errorf("unknown profile %q", name), "profiles are the directories with a SOUL.md in %q", home+"/profiles")
	}
	if e := listing.Entries[i]; e.Verdict == scan.Ignored {
		return fmt.Errorf("unknown profile %q: %s", name, e.Reason)
	}
	return nil
}

func (p *pass) openScandir() error {
	if !p.dryRun {
		if err := scandir.Make(p.scandir); err != nil {
			return err
		}
	}
	dir, err := scandir.Open(p.scandir)
	if p.dryRun && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return withHint(err, "--scandir or S6_PROFILE_GATEWAY_SCANDIR names s6-svscan's directory")
	}
	if !p.dryRun {
		if err := dir.Lock(lockWait); err != nil {
			return errors.Join(err, dir.Close())
		}
	}
	p.dir = dir
	return nil
}

func (p *pass) warnOfRisks() {
	if danger := p.access.Dangerous(); danger != "" {
		p.msg.warn("--supervise-access %s: %s", p.access, danger)
	}
	if p.dir == nil {
		return
	}
	for _, risk := range p.dir.Risks() {
		p.msg.warn("%s", risk)
	}
}

// scan reads the volume, clears leftovers from the scandir, and returns the
// entries that have an outcome.
func (p *pass) scan() []scan.Entry {
	listing := p.volume.Scan(p.base)
	for _, w := range listing.Warnings {
		p.msg.warn("%s", w)
	}
	if listing.Err != nil {
		p.fail(listing.Err)
	}
	entries := slices.DeleteFunc(listing.Entries, func(e scan.Entry) bool { return e.Verdict == scan.Ignored })
	if !p.dryRun {
		p.sweep(entries)
	}
	if len(p.only) == 0 {
		return entries
	}
	return slices.DeleteFunc(entries, func(e scan.Entry) bool { return !slices.Contains(p.only, e.Profile.Name) })
}

func (p *pass) sweep(entries []scan.Entry) {
	hasProfile := func(service string) bool {
		name := strings.TrimPrefix(service, scan.ServicePrefix)
		return slices.ContainsFunc(entries, func(e scan.Entry) bool { return e.Profile.Name == name })
	}
	for _, w := range p.dir.Sweep(time.Now(), hasProfile) {
		p.msg.warn("%s", w)
	}
}

func (p *pass) publishAll(entries []scan.Entry) []outcome {
	outcomes := make([]outcome, 0, len(entries))
	for _, e := range entries {
		outcomes = append(outcomes, p.profile(e))
	}
	if p.dryRun {
		return outcomes
	}
	if p.rescan {
		p.sendRescan()
	}
	p.log(outcomes)
	return outcomes
}

// profile takes one entry through to its outcome.
func (p *pass) profile(e scan.Entry) outcome {
	o := outcome{entry: e, change: scandir.None, action: actionRegistered}
	switch e.Verdict {
	case scan.Skipped:
		p.msg.warn("skipping profile %+q: %s", e.Profile.Name, e.Reason)
		o.action, o.reason = actionSkipped, e.Reason
		return o
	case scan.Failed:
		return p.failed(o, errors.New(e.Reason))
	}
	if e.Profile.Start {
		o.action = actionStarted
	}
	if err := p.publish(&o); err != nil {
		return p.failed(o, err)
	}
	return o
}

func (p *pass) failed(o outcome, err error) outcome {
	p.fail(fmt.Errorf("profile %+q: %w", o.entry.Profile.Name, err))
	o.action, o.change, o.reason = actionFailed, scandir.None, err.Error()
	return o
}

func (p *pass) fail(err error) {
	p.msg.fail(err)
	p.incomplete = true
}

func (p *pass) publish(o *outcome) error {
	slot, err := p.set.Slot(o.entry.Profile)
	if err != nil {
		return err
	}
	if p.dir == nil {
		o.change = scandir.Created
		return nil
	}
	plan, err := p.dir.Plan(slot, p.owners)
	if err != nil {
		return err
	}
	o.change, o.live = plan.Change, plan.Live
	if plan.Live && len(plan.Differences) > 0 {
		p.msg.warn("slot %q is live and not as rendered (%s): left as it is", slot.Service, listed(plan.Differences))
	}
	if p.dryRun {
		return nil
	}
	if !plan.Live {
		for _, w := range p.volume.RemoveStale(o.entry.Profile) {
			p.msg.warn("%s", w)
		}
	}
	return p.dir.Publish(plan)
}

func listed(diffs []scandir.Difference) string {
	words := make([]string, 0, len(diffs))
	for _, d := range diffs {
		words = append(words, fmt.Sprintf("%s %s", d.Path, d.What))
	}
	return strings.Join(words, ", ")
}

func (p *pass) sendRescan() {
	err := p.dir.Rescan()
	switch {
	case errors.Is(err, scandir.ErrNoScanner):
		p.msg.warn("no s6-svscan listens on scandir %q: the slots come up when one starts", p.scandir)
	case err != nil:
		p.fail(fmt.Errorf("asking for a rescan: %w", err))
	}
}

// log appends the outcomes to the boot log. It is no part of the job: where it
// can't be written, the boot goes on.
func (p *pass) log(outcomes []outcome) {
	lines := make([]scan.Outcome, 0, len(outcomes))
	for _, o := range outcomes {
		lines = append(lines, o.logged())
	}
	owner := scan.KeepOwner()
	if p.owners.GivesAway() {
		owner = scan.Owner{UID: p.base.UID, GID: p.base.GID}
	}
	if err := p.volume.AppendBootLog(owner, time.Now(), lines); err != nil {
		p.msg.warn("%s", err)
	}
}
