package reconcile

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/asuser"
	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// planner reads the volume and the scandir and plans the pass. It changes neither.
type planner struct {
	Options
	owners scandir.Owners
	volume *scan.Volume
	list   scan.Listing

	// dir is the scandir. It is nil when a preview finds no scandir, and under the policy
	// none unless Live is set.
	dir   *scandir.Dir
	names scandir.Names
	// listErr is the error of listing the scandir. With it the pass publishes no slot.
	listErr error
	// toRemove holds the names in the scandir that the previewed pass would remove.
	toRemove map[string]bool
	// noRoom holds the services for which s6-svscan has no room.
	noRoom map[string]bool
	// heldDown holds the services whose down file the pass made before it planned their steps.
	heldDown map[string]bool

	strays     func() map[string]int // of the scandir; it keeps its first answer
	incomplete bool
	orphanRows []string // with Explain, the orphans that get an outcome
	pruned     []string
	draining   []string
}

func newPlanner(o Options) *planner {
	o = o.withDefaults()
	o.Scan.Only = o.Only
	base := o.Scan.Base
	p := &planner{
		Options: o, owners: scandir.OwnersFor(o.Access, base.UID, base.GID), toRemove: map[string]bool{}, heldDown: map[string]bool{},
	}
	p.strays = sync.OnceValue(func() map[string]int { return p.dir.Strays(p.Proc) })
	return p
}

// OpenVolume opens the home as its user. Tell gets a warning while the volume does not answer,
// from another goroutine.
func OpenVolume(home string, layout scan.Layout, user asuser.User, tell func(message.Message)) (*scan.Volume, error) {
	v, err := scan.Open(home, layout, user, func(path string, waited time.Duration) { tell(message.Waiting(path, waited)) })
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR):
		err = hint.Add(err, "--home or HERMES_HOME names the volume's root")
	case errors.Is(err, fs.ErrPermission) && hint.Of(err) == "" && !user.IsSelf():
		err = hint.Add(err, "slotgen reads the volume as the user that --user or SLOTGEN_USER names")
	}
	return v, err
}

// openVolume opens the home. It returns an error when Only names an unknown profile.
func (p *planner) openVolume() error {
	v, err := OpenVolume(p.Home, p.Layout, p.User, p.Waiting)
	if err != nil {
		return err
	}
	p.volume = v
	return p.checkOnly()
}

func (p *planner) close() {
	if p.dir != nil {
		p.dir.Close()
	}
	if p.volume != nil {
		p.volume.Close()
	}
}

// readVolume lists the profiles, and reports the warnings and the error of the scan.
func (p *planner) readVolume() {
	p.listProfiles()
	for _, w := range p.list.Warnings {
		p.Tell(message.Warn("%s", w).About(p.list.About(w)))
	}
	for _, n := range p.list.Notices {
		p.Tell(message.Message{Text: n})
	}
	if p.list.Err != nil {
		p.fail(p.list.Err)
	}
	p.warnOfLiveSlots()
	p.warnOfLogs()
}

// warnOfLogs warns when the loggers can't make their directories.
func (p *planner) warnOfLogs() {
	if p.list.Autostart == scan.None {
		return
	}
	if err := p.volume.CheckLogs(); err != nil {
		p.Tell(message.Warn("the gateways' output goes only to the container's log: %s", err))
	}
}

func (p *planner) listProfiles() { p.list = p.volume.Scan(p.Scan) }

// readScandir lists the scandir once for all slots, and finds the slots without room.
func (p *planner) readScandir() {
	if p.dir != nil {
		p.names, p.listErr = p.dir.Names()
	}
	if p.listErr != nil {
		return
	}
	var err error
	if p.noRoom, err = p.overCapacity(); err != nil {
		p.fail(err)
	}
}

// warnOfRisks warns of users other than root who can act as root through the scandir, and of a
// scandir in which no program can start.
func (p *planner) warnOfRisks() {
	if danger := p.Access.Dangerous(); danger != "" {
		p.Tell(message.Warn("--supervise-access %s: %s", p.Access, danger))
	}
	if p.dir == nil {
		return
	}
	for _, risk := range p.dir.Risks() {
		p.Tell(message.Warn("%s", risk))
	}
	if err := p.dir.CheckExec(); err != nil {
		p.Tell(message.Of(message.Warning, err))
	}
}

// leftovers returns the leftovers that this pass clears. A hidden slot stays when its
// profile is not chosen: this pass would not publish a new one.
func (p *planner) leftovers() []scandir.Leftover {
	if p.dir == nil || p.Scan.Autostart == scan.None {
		return nil
	}
	keep := func(service string) bool { return p.hasProfile(service) && !p.Drain.Has(service) }
	if p.list.Err != nil {
		keep = nil // the profile of a hidden slot may exist
	}
	all, err := p.dir.Leftovers(keep)
	if err != nil {
		p.Tell(message.Of(message.Warning, err))
	}
	return slices.DeleteFunc(all, p.isUnchosenSlot)
}

// isUnchosenSlot reports whether a leftover is a hidden slot that needs a prune and whose
// profile exists but is not chosen.
func (p *planner) isUnchosenSlot(l scandir.Leftover) bool {
	service, isHidden := p.dir.ParseHidden(l.Name)
	if l.Do != scandir.Prune || !isHidden || p.Drain.Has(service) {
		return false
	}
	name, _ := p.Layout.ProfileOf(service)
	return !p.Chosen(name) && p.hasProfile(service)
}

// hasProfile reports whether the service is a slot whose profile the scan found.
func (p *planner) hasProfile(service string) bool {
	name, isSlot := p.Layout.ProfileOf(service)
	e, listed := p.list.Find(name)
	return isSlot && listed && e.Verdict != scan.Ignored
}

func (p *planner) report(outcomes []Outcome) Report {
	listens := false
	if p.dir != nil {
		listens, _ = p.dir.HasScanner() // without an answer nothing is known to listen
	}
	return Report{
		Home: p.volume.Home(), Autostart: p.list.Autostart, Listens: listens, Outcomes: outcomes,
		Pruned: p.pruned, Draining: p.draining, Incomplete: p.incomplete,
	}
}

// event reports something that the pass did.
func (p *planner) event(format string, args ...any) { p.Tell(message.Event(format, args...)) }

// fail reports an error that is no profile's outcome, and marks the pass as incomplete.
func (p *planner) fail(err error) { p.failFor("", err) }

// failFor does the same as fail, with a message about one profile.
func (p *planner) failFor(profile string, err error) {
	p.incomplete = true
	p.Tell(message.Of(message.Error, err).About(profile))
}
