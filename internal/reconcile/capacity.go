package reconcile

import (
	"errors"
	"maps"
	"slices"

	"slotgen/scan"
)

// candidate is a profile's slot as s6-svscan counts it.
type candidate struct {
	service string
	weight  int
	claim   claim
}

// claim ranks a slot's claim to a place: a smaller value gets its place first.
type claim int

const (
	pinned claim = iota // the slot exists and can't be removed to make room
	starts
	waits
)

// maxWeight is the largest weight of one slot: a service and its logger.
const maxWeight = 2

// overCapacity returns the services without room (docs/design.md, "Capacity"). It counts
// every profile, chosen or not. It returns errors for entries that it could not weigh, and
// counts them with the largest weight.
func (p *planner) overCapacity() (map[string]bool, error) {
	if maxWeight*(len(p.names)+len(p.list.Entries)) <= p.MaxServices {
		return nil, nil
	}
	candidates, err := p.candidates()
	room, werr := p.roomFor(candidates)
	out := map[string]bool{}
	for _, c := range candidates {
		if c.claim != pinned && c.weight > room {
			out[c.service] = true
			continue
		}
		room -= c.weight
	}
	return out, errors.Join(err, werr)
}

// roomFor returns the number of services left for the candidates. Other entries of the
// scandir take their places first, except those that this pass removes.
func (p *planner) roomFor(candidates []candidate) (room int, err error) {
	ours := map[string]bool{}
	for _, c := range candidates {
		ours[c.service] = true
	}
	room = p.MaxServices
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if ours[name] || p.toRemove[name] {
			continue
		}
		weight, werr := p.dir.Weight(name)
		room -= weight
		err = errors.Join(err, werr)
	}
	return room, err
}

// candidates lists the profiles' slots, the strongest claim first.
func (p *planner) candidates() (all []candidate, err error) {
	for _, e := range p.list.Entries {
		if e.Profile.Service == "" {
			continue
		}
		c, cerr := p.candidate(e)
		err = errors.Join(err, cerr)
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return int(a.claim - b.claim) })
	return all, err
}

// candidate weighs the existing slot when it can't be removed, else the slot that the pass
// would publish.
func (p *planner) candidate(e scan.Entry) (candidate, error) {
	c := candidate{service: e.Profile.Service, claim: pinned}
	weight, stays, err := p.existing(e.Profile)
	c.weight = weight
	if stays || e.Verdict != scan.Publish {
		return c, err
	}
	slot, _, rerr := p.Templates.Slot(e.Profile)
	if rerr != nil { // the profile fails, and its old slot stays
		return c, err
	}
	c.weight, c.claim = slot.Weight(), waits
	if e.Profile.Start {
		c.claim = starts
	}
	return c, err
}

// existing weighs the existing slot. It also reports whether the pass can't remove the slot
// to make room: the slot is live, or its profile is not chosen.
func (p *planner) existing(profile scan.Profile) (weight int, stays bool, err error) {
	if p.dir == nil {
		return 0, false, nil
	}
	if weight, err = p.dir.Weight(profile.Service); err != nil {
		return weight, false, err
	}
	isSlot, err := p.dir.IsSlot(profile.Service)
	switch {
	case err != nil:
		return weight, false, err
	case !isSlot:
		return weight, p.names[profile.Service], nil // something else keeps the name
	case !p.Chosen(profile.Name):
		return weight, true, nil
	}
	stays, err = p.dir.Live(profile.Service)
	return weight, stays, err
}
