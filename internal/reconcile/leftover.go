package reconcile

import (
	"slices"

	"slotgen/render/scandir"
)

// leftovers returns the leftovers that this pass clears. A hidden slot stays when its
// profile is not chosen: this pass would not publish a new one.
func (p *planner) leftovers() ([]scandir.Leftover, error) {
	keep := func(service string) bool { return p.hasProfile(service) && !p.Drain.Has(service) }
	if p.list.Err != nil {
		keep = nil // the profile of a hidden slot may exist
	}
	all, err := p.dir.Leftovers(keep)
	return slices.DeleteFunc(all, p.isUnchosenSlot), err
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
