package main

import (
	"fmt"
	"strings"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll takes every chosen entry that is a profile to its outcome.
func (p *pass) publishAll() []outcome {
	outcomes := []outcome{}
	for _, e := range p.list.Entries {
		if (e.Verdict != scan.Ignored || p.explain) && p.chosen(e.Profile.Name) {
			outcomes = append(outcomes, p.profile(e))
		}
	}
	return outcomes
}

func (p *pass) profile(e scan.Entry) outcome {
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
	if err := p.publish(&o); err != nil {
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
	o.change, o.live, o.differences = plan.Change, plan.Live, plan.Differences
	if plan.Live && len(plan.Differences) > 0 {
		p.msg.warn("slot %q is live and not as rendered (%s): left as it is", slot.Service, listed(plan.Differences))
	}
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

func listed(diffs []scandir.Difference) string {
	words := make([]string, 0, len(diffs))
	for _, d := range diffs {
		words = append(words, fmt.Sprintf("%s %s", d.Path, d.What))
	}
	return strings.Join(words, ", ")
}
