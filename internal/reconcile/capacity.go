package reconcile

import (
	"errors"
	"maps"
	"slices"

	"slotgen/scan"
)

// candidate is a slot that the pass would publish, or remove to make room.
type candidate struct {
	service string
	weight  int
}

// maxWeight is the largest weight of one slot: a service and its logger.
const maxWeight = 2

// overCapacity returns the services without room (docs/design.md, "Capacity"). Everything that
// stays in the scandir has its place. Then come the slots that start, then the others, of every
// profile, chosen or not. It returns errors for names that it could not look at. A
// name that stays and can't be weighed counts with the largest weight.
func (p *planner) overCapacity() (map[string]bool, error) {
	if maxWeight*(len(p.names)+len(p.list.Entries)) <= p.MaxServices {
		return nil, nil
	}
	candidates, err := p.candidates()
	stays := maps.Clone(p.names)
	maps.DeleteFunc(stays, func(name string, _ bool) bool { return p.toRemove[name] })
	for _, c := range candidates {
		delete(stays, c.service)
	}
	room := p.MaxServices
	for _, name := range slices.Sorted(maps.Keys(stays)) {
		weight, werr := p.dir.Weight(name)
		room -= weight
		err = errors.Join(err, werr)
	}
	out := map[string]bool{}
	for _, c := range candidates {
		if c.weight > room {
			out[c.service] = true
			continue
		}
		room -= c.weight
	}
	return out, err
}

// candidates lists the slots that compete for room, those that start first.
func (p *planner) candidates() ([]candidate, error) {
	var starting, waiting []candidate
	var err error
	for i := range p.list.Entries {
		profile := p.list.Entries[i].Profile
		stays, serr := p.stays(&p.list.Entries[i])
		err = errors.Join(err, serr)
		if stays {
			continue
		}
		slot, _, rerr := p.Templates.Slot(profile)
		if rerr != nil { // the profile fails, and its old slot stays
			continue
		}
		c := candidate{profile.Service, slot.Weight()}
		if profile.Start {
			starting = append(starting, c)
		} else {
			waiting = append(waiting, c)
		}
	}
	return append(starting, waiting...), err
}

// stays reports whether the pass neither publishes the profile's slot nor can remove what has its
// name.
func (p *planner) stays(e *scan.Entry) (bool, error) {
	service := e.Profile.Service
	switch {
	case e.Verdict != scan.Publish:
		return true, nil
	case !p.names[service]:
		return false, nil
	}
	isSlot, err := p.dir.IsSlot(service)
	if err != nil {
		return false, err
	}
	if !isSlot || !p.Chosen(e.Profile.Name) {
		return true, nil
	}
	return p.dir.Live(service)
}
