package reconcile

import (
	"maps"
	"slices"
	"strings"

	"slotgen/internal/message"
	"slotgen/scan"
)

// profileOf returns the name of a service's profile, and whether the service is a slot.
func profileOf(service string) (name string, isSlot bool) {
	return strings.CutPrefix(service, scan.ServicePrefix)
}

// orphans returns the chosen slots whose profile does not exist. It returns none when the
// scan could not read all of profiles/.
func (p *planner) orphans() ([]string, error) {
	if !p.knowsProfiles() {
		return nil, nil
	}
	names, err := p.dir.Names()
	if err != nil {
		return nil, err
	}
	exists := map[string]bool{scan.DefaultName: true}
	for _, e := range p.list.Entries {
		exists[e.Profile.Name] = true
	}
	var orphans []string
	for _, service := range slices.Sorted(maps.Keys(names)) {
		name, isSlot := profileOf(service)
		if !isSlot || exists[name] || scan.CheckName(name) != "" || !p.Chosen(name) {
			continue
		}
		isOurs, err := p.dir.IsSlot(service)
		if isOurs {
			orphans = append(orphans, service)
		}
		if err != nil {
			p.failFor(name, err)
		}
	}
	if !p.list.Complete {
		p.warnOfNoProfiles(orphans)
		return nil, nil
	}
	return orphans, nil
}

// knowsProfiles reports whether the pass has slots of its own and read all of profiles/.
func (p *planner) knowsProfiles() bool {
	return p.dir != nil && p.Scan.Autostart != scan.None && p.list.Err == nil
}

// warnOfNoProfiles warns that profiles/ is missing while slots of named profiles exist. The
// volume may not be mounted.
func (p *planner) warnOfNoProfiles(services []string) {
	if len(services) == 0 {
		return
	}
	p.Tell(message.Warn("left alone %s without a profile: there is no %q", Counted(len(services), "slot"), p.volume.Home()+"/profiles"))
}

// confirmedOrphans returns the orphans to prune. A pass that does not prune names them
// instead, or gives them outcomes.
func (p *planner) confirmedOrphans() []string {
	orphans, err := p.orphans()
	if err != nil {
		p.fail(err)
	}
	orphans = p.Orphans.Confirm(orphans, p.Chosen)
	switch {
	case p.Prune:
		return orphans
	case p.Explain:
		p.orphanRows = orphans
		return nil
	}
	for _, service := range orphans {
		name, _ := profileOf(service)
		p.Tell(message.Warn("slot %q has no profile: left alone, reconcile --prune removes it", service).About(name))
	}
	return nil
}

// orphanOutcomes returns an outcome for each orphan that the pass leaves alone.
func (p *planner) orphanOutcomes() []Outcome {
	var outcomes []Outcome
	for _, service := range p.orphanRows {
		o := newOutcome(orphanEntry(service), Orphan)
		o.Why = "its profile does not exist: slotgen reconcile --prune removes the slot"
		o.Live = p.isLive(o.Entry)
		outcomes = append(outcomes, o)
	}
	return outcomes
}
