package cli

import (
	"slices"
	"strings"
	"time"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// sweep clears what killed passes left in the scandir, and returns what has to end
// before it can go. A slot that was moved aside stays where --profile leaves its
// profile out: nobody would make it anew.
func (p *pass) sweep() []string {
	if p.dryRun || p.dir == nil {
		return nil
	}
	wanted := func(service string) bool { return p.hasProfile(service) && !p.memory.isLeaving(service) }
	if p.list.Err != nil {
		wanted = nil // nobody knows
	}
	leftovers, warnings := p.dir.Sweep(time.Now(), wanted)
	p.msg.warnAll(warnings)
	return slices.DeleteFunc(leftovers, func(name string) bool {
		service, aside := scandir.ParseHidden(name)
		return aside && p.isLeftOut(service) && !p.memory.isLeaving(service)
	})
}

// isLeftOut tells whether a service has a profile that is not chosen.
func (p *pass) isLeftOut(service string) bool {
	return !p.chosen(profileOf(service)) && p.hasProfile(service)
}

func (p *pass) hasProfile(service string) bool {
	name, found := strings.CutPrefix(service, scan.ServicePrefix)
	e, listed := p.list.Find(name)
	return found && listed && e.Verdict != scan.Ignored && scan.CheckName(name) == ""
}

// wouldClear tells whether a name stands in a dry run only.
func (p *pass) wouldClear(name string) bool {
	return p.dryRun && (slices.Contains(p.leavesRoom, name) || !p.staysAside(name) && p.dir.Abandoned(name))
}

// staysAside tells whether a sweep leaves a slot where it was moved aside.
func (p *pass) staysAside(name string) bool {
	service, aside := scandir.ParseHidden(name)
	return aside && (p.list.Err != nil || p.names[service] && p.isLeftOut(service))
}
