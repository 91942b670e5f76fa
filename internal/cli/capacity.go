package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"slotgen/scan"
)

// defaultMaxServices is s6-svscan's own limit, loggers counted. With more in its
// scandir it starts nothing at all.
const defaultMaxServices = 1000

// candidate is a profile's slot as s6-svscan counts it.
type candidate struct {
	service string
	weight  int
	// class orders the claims: what can't be moved, what starts, the rest.
	class int
}

const (
	classStands = iota
	classStarts
	classWaits
)

// overCapacity returns the services that s6-svscan has no room for. Every profile
// counts, also those that are not chosen. What can't be counted is an error, and
// the rest counts all the same.
func (p *pass) overCapacity() (map[string]bool, error) {
	const most = 2 // a service and its logger
	if most*(len(p.names)+len(p.list.Entries)) <= p.maxServices {
		return nil, nil
	}
	candidates, err := p.candidates()
	room := p.maxServices
	ours := map[string]bool{}
	for _, c := range candidates {
		ours[c.service] = true
	}
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		if ours[name] || p.wouldClear(name) {
			continue
		}
		weight, werr := p.dir.Weight(name)
		room -= weight
		err = errors.Join(err, werr)
	}
	out := map[string]bool{}
	for _, c := range candidates {
		if c.class != classStands && c.weight > room {
			out[c.service] = true
			continue
		}
		room -= c.weight
	}
	return out, err
}

// candidates lists the profiles' slots, those with the first claim first.
func (p *pass) candidates() (all []candidate, err error) {
	for _, e := range p.list.Entries {
		if e.Profile.Service == "" {
			continue
		}
		c := candidate{service: e.Profile.Service, class: classWaits}
		if e.Profile.Start {
			c.class = classStarts
		}
		stays, serr := p.stays(e.Profile, &c)
		err = errors.Join(err, serr)
		if stays || !p.weigh(e, &c) {
			c.class = classStands
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.class - b.class })
	return all, err
}

// stays takes the weight of the slot that stands, and tells whether it can't be
// removed to make room: it is live, or its profile is not chosen.
func (p *pass) stays(profile scan.Profile, c *candidate) (bool, error) {
	if p.dir == nil {
		return false, nil
	}
	var err error
	if c.weight, err = p.dir.Weight(c.service); err != nil {
		return false, err
	}
	isSlot, err := p.dir.IsServiceDir(c.service)
	switch {
	case err != nil:
		return false, err
	case !isSlot:
		return p.names[c.service], nil // what else has the name keeps it
	case !p.chosen(profile.Name):
		return true, nil
	}
	return p.dir.Live(c.service)
}

// weigh takes the weight of what would be published, or tells that what stands
// would stay.
func (p *pass) weigh(e scan.Entry, c *candidate) bool {
	if e.Verdict != scan.Publish {
		return false
	}
	slot, _, err := p.set.Slot(e.Profile)
	if err != nil {
		return false
	}
	c.weight = slot.Weight()
	return true
}

// noRoom is the outcome of a profile that s6-svscan has no room for. Where its
// slot stands and no supervisor is behind it, it goes: s6-svscan would start
// nothing else either.
func (p *pass) noRoom(o *outcome) error {
	err := withHint(fmt.Errorf("s6-svscan takes %d services, loggers counted: no room for this one", p.maxServices),
		"raise the limit of s6-svscan (-C, before 2.15 -c) and --max-services with it")
	if p.dryRun || p.dir == nil {
		return err
	}
	stands, rerr := p.dir.IsServiceDir(o.entry.Profile.Service)
	if stands {
		rerr = p.dir.Retire(o.entry.Profile.Service)
	}
	if rerr != nil {
		return fmt.Errorf("%w; %w", err, rerr)
	}
	return err
}
