package notify

import "slices"

// pending is what is still to be told.
type pending struct {
	all     bool
	names   map[string]bool // of profiles, true for those that stand
	trouble error
}

func (p *pending) add(name string, stands bool) {
	if p.names == nil {
		p.names = map[string]bool{}
	}
	p.names[name] = stands
}

func (p *pending) empty() bool { return !p.all && len(p.names) == 0 && p.trouble == nil }

func (p *pending) change() Change {
	c := Change{All: p.all, Trouble: p.trouble}
	for name, stands := range p.names {
		if stands {
			c.Profiles = append(c.Profiles, name)
		} else {
			c.Gone = append(c.Gone, name)
		}
	}
	slices.Sort(c.Profiles)
	slices.Sort(c.Gone)
	return c
}
