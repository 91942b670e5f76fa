package reconcile

import (
	"slices"
	"time"

	"slotgen/render/scandir"
)

// leftovers returns what killed passes left and this pass clears. A hidden slot whose
// profile the pass does not look at stays: nobody would make it anew.
func (p *planner) leftovers(now time.Time) ([]scandir.Leftover, error) {
	keep := func(service string) bool { return p.hasProfile(service) && !p.Drain.Has(service) }
	if p.list.Err != nil {
		keep = nil // nobody knows
	}
	all, err := p.dir.Leftovers(now, keep)
	return slices.DeleteFunc(all, p.isAnothers), err
}

// isAnothers reports whether a leftover is a hidden slot of a profile that the pass does
// not look at.
func (p *planner) isAnothers(l scandir.Leftover) bool {
	service, isHidden := scandir.ParseHidden(l.Name)
	if l.Do != scandir.Prune || !isHidden || p.Drain.Has(service) {
		return false
	}
	name, _ := profileOf(service)
	return !p.Chosen(name) && p.hasProfile(service)
}
