package notify

import "slices"

// pending holds the changes that the watcher has not reported yet.
type pending struct {
	all     bool
	names   map[string]bool // profiles, true for those that exist
	trouble error
}

func (p *pending) add(name string, exists bool) {
	if p.names == nil {
		p.names = map[string]bool{}
	}
	p.names[name] = exists
}

func (p *pending) empty() bool { return !p.all && len(p.names) == 0 && p.trouble == nil }

func (p *pending) change() Change {
	c := Change{All: p.all, Trouble: p.trouble}
	for name, exists := range p.names {
		if exists {
			c.Profiles = append(c.Profiles, name)
		} else {
			c.Gone = append(c.Gone, name)
		}
	}
	slices.Sort(c.Profiles)
	slices.Sort(c.Gone)
	return c
}
