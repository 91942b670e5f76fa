package reconcile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/scan"
)

// orphans returns the slots whose profile does not exist. It returns none when that is in
// doubt. Only a watch (KeepDown) gets the orphans that are not chosen too: each of its passes
// is a look at all of them.
func (p *planner) orphans() ([]string, error) {
	if !p.knowsProfiles() {
		return nil, nil
	}
	names, err := p.dir.Names()
	if err != nil {
		return nil, err
	}
	exists := map[string]bool{}
	for _, e := range p.list.Entries {
		exists[e.Profile.Name] = true
	}
	var orphans []string
	for _, service := range slices.Sorted(maps.Keys(names)) {
		name, isSlot := p.Layout.ProfileOf(service)
		if !isSlot || exists[name] || !p.KeepDown && !p.Chosen(name) {
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
	if err := p.doubt(); err != nil {
		p.warnOfDoubt(orphans, err)
		return nil, nil
	}
	return orphans, nil
}

// knowsProfiles reports whether the pass has slots of its own and read all of the profiles folder.
func (p *planner) knowsProfiles() bool {
	return p.dir != nil && p.Scan.Autostart != scan.None && p.list.Err == nil
}

// doubt returns the reason why slots without a profile may still have one, or nil. The volume
// may not be mounted.
func (p *planner) doubt() error {
	switch {
	case p.list.ProfilesID == scan.FileID{}:
		return fmt.Errorf("there is no %q", filepath.Join(p.volume.Home(), p.Layout.Profiles))
	case !p.list.Complete:
		return hint.Add(fmt.Errorf("%q holds no profile", p.volume.Home()),
			"is the volume mounted? to end them all the same: slotgen stop, then slotgen reconcile --resume")
	}
	if !p.Prune {
		return nil
	}
	return p.Orphans.Doubt(p.list)
}

// warnOfDoubt names the slots without a profile that the pass leaves alone, and the reason.
func (p *planner) warnOfDoubt(services []string, reason error) {
	if len(services) > 0 {
		p.Tell(message.Of(message.Warning, fmt.Errorf("left alone %s without a profile (%s): %w",
			Counted(len(services), "slot"), SomeNames(services), reason)))
	}
}

// confirmedOrphans returns the chosen orphans to prune. A pass that does not prune names them
// instead, or gives them outcomes.
func (p *planner) confirmedOrphans() []string {
	orphans, err := p.orphans()
	if err != nil {
		p.fail(err)
	}
	orphans = slices.DeleteFunc(p.Orphans.Confirm(orphans), func(service string) bool {
		name, _ := p.Layout.ProfileOf(service)
		return !p.Chosen(name)
	})
	switch {
	case p.Prune:
		return orphans
	case p.Explain:
		p.orphanRows = orphans
		return nil
	}
	for _, service := range orphans {
		name, _ := p.Layout.ProfileOf(service)
		p.Tell(message.Warn("slot %q has no profile: left alone, reconcile --prune removes it", service).About(name))
	}
	return nil
}

// orphanOutcomes returns an outcome for each orphan that the pass leaves alone.
func (p *planner) orphanOutcomes() []Outcome {
	var outcomes []Outcome
	for _, service := range p.orphanRows {
		o := newOutcome(p.orphanEntry(service), Orphan)
		o.Why = "its profile does not exist: slotgen reconcile --prune removes the slot"
		o.Live = p.isLive(o.Entry)
		outcomes = append(outcomes, o)
	}
	return outcomes
}
