package main

import (
	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll takes every chosen entry that is a profile to its outcome.
func (p *pass) publishAll() []outcome {
	crowdedOut, err := p.crowdedOut()
	if err != nil {
		p.fail(err)
	}
	outcomes := []outcome{}
	for _, e := range p.list.Entries {
		if (e.Verdict != scan.Ignored || p.explain) && p.chosen(e.Profile.Name) {
			outcomes = append(outcomes, p.profile(e, crowdedOut[e.Profile.Service]))
		}
	}
	return outcomes
}

func (p *pass) profile(e scan.Entry, crowdedOut bool) outcome {
	switch e.Verdict {
	case scan.Ignored:
		return newOutcome(e, actionIgnored)
	case scan.Skipped:
		return newOutcome(e, actionSkipped)
	case scan.Failed:
		return newOutcome(e, actionFailed)
	case scan.Publish:
	}
	o := newOutcome(e, actionRegistered)
	if e.Profile.Start {
		o.action = actionStarted
	}
	publish := p.publish
	if crowdedOut {
		publish = p.noRoom
	}
	if err := publish(&o); err != nil {
		o = o.failed(err)
	}
	return o
}

func (p *pass) publish(o *outcome) error {
	slot, findings, err := p.set.Slot(o.entry.Profile)
	if err != nil {
		return err
	}
	for _, f := range findings {
		p.msg.warn("profile %q: %s", o.entry.Profile.Name, f)
	}
	plan := scandir.PlanNew(slot, p.owners)
	if p.dir != nil {
		if plan, err = p.dir.Plan(slot, p.owners); err != nil {
			return err
		}
	}
	o.change, o.live, o.effect, o.differences = plan.Change, plan.Live, plan.Effect, plan.Differences
	if p.dryRun {
		return nil
	}
	if !plan.Live {
		for _, w := range p.volume.RemoveStale(o.entry.Profile) {
			p.msg.warn("%s", w)
		}
	}
	return p.dir.Publish(plan)
}
