package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll takes every chosen entry that is a profile to its outcome, as long as
// the context lasts. Slots without room go before the others come. What was told to go
// has none before it has gone.
func (p *pass) publishAll(ctx context.Context) []outcome {
	unlisted := p.listScandir()
	overCapacity, err := p.overCapacity()
	if err != nil {
		p.fail(err)
	}
	chosen, going := []*scan.Entry{}, p.memory.going()
	for i := range p.list.Entries {
		e := &p.list.Entries[i]
		if p.isTold(e) && p.chosen(e.Profile.Name) && !slices.Contains(going, e.Profile.Service) {
			chosen = append(chosen, e)
		}
	}
	outcomes := make([]outcome, len(chosen))
	for i, e := range chosen {
		if overCapacity[e.Profile.Service] && ctx.Err() == nil {
			outcomes[i] = p.profile(e, p.noRoom)
		}
	}
	scan.Share(len(chosen), func() func(int) {
		renderer := p.set.Renderer()
		publish := func(o *outcome) error { return p.publish(o, renderer) }
		if unlisted != nil {
			publish = func(*outcome) error { return unlisted }
		}
		return func(i int) {
			if outcomes[i].isNotMade() && ctx.Err() == nil {
				outcomes[i] = p.profile(chosen[i], publish)
			}
		}
	})
	return slices.DeleteFunc(outcomes, outcome.isNotMade)
}

// isTold reports whether an entry gets an outcome. profiles/default/ gets none, since its
// name is that of the home: the scan warns of it.
func (p *pass) isTold(e *scan.Entry) bool {
	return e.Verdict != scan.Ignored || p.explain && e.Profile.Name != scan.DefaultName
}

func (p *pass) plan(slot render.Slot) (scandir.Plan, error) {
	if p.names.Free(slot.Service) {
		return scandir.PlanNew(slot, p.owners), nil
	}
	return p.dir.Plan(slot, p.owners)
}

// listScandir takes in what stands in the scandir, once for all slots. Without it
// nobody knows whether there is room for any.
func (p *pass) listScandir() (err error) {
	if p.dir != nil {
		p.names, err = p.dir.Names()
	}
	return err
}

// profile takes one entry to its outcome, and publishes it where it is a profile.
func (p *pass) profile(e *scan.Entry, publish func(*outcome) error) outcome {
	switch e.Verdict {
	case scan.Ignored:
		return newOutcome(e, actionIgnored)
	case scan.Skipped:
		return newOutcome(e, actionSkipped)
	case scan.Failed:
		return newOutcome(e, actionFailed)
	case scan.Publish:
	}
	if word := p.role.NoGateways(); word != "" {
		return notHere(e, word)
	}
	if p.memory != nil {
		kept, err := p.asItStands(e)
		if err != nil {
			return newOutcome(e, actionFailed).failed(err)
		}
		e = kept
	}
	o := newOutcome(e, actionRegistered)
	if e.Profile.Start {
		o.action = actionStarted
	}
	if err := publish(&o); err != nil {
		o = o.failed(err)
	}
	return o
}

// notHere is the outcome of a profile in a container that supervises no gateways.
func notHere(e *scan.Entry, word string) outcome {
	o := newOutcome(e, actionSkipped)
	o.reason = word + " container"
	o.why = "this is a " + o.reason + ": it supervises no gateways"
	return o
}

// addLive asks also of those that have no plan whether their slots are live: one that
// slotgen leaves alone may run. What can't be asked counts as not live.
func (p *pass) addLive(outcomes []outcome) {
	dir := p.dir
	if dir == nil { // under the policy none
		var err error
		if dir, err = scandir.Open(p.scandir); err != nil {
			return
		}
		defer dir.Close()
	}
	for i := range outcomes {
		o := &outcomes[i]
		name := o.entry.Profile.Name
		if planned := o.action == actionStarted || o.action == actionRegistered; !planned && scan.CheckName(name) == "" {
			o.live, _ = dir.Live(scan.ServicePrefix + name)
		}
	}
}

func (p *pass) publish(o *outcome, renderer *render.Renderer) error {
	slot, findings, err := renderer.Slot(o.entry.Profile)
	if err != nil {
		return err
	}
	for _, f := range findings {
		o.warnings = append(o.warnings, fmt.Sprintf("profile %q: %s", o.entry.Profile.Name, f))
	}
	plan, err := p.plan(slot)
	if err != nil {
		return err
	}
	o.change, o.live, o.effect = plan.Change, plan.Live, plan.Effect
	if p.detailed || plan.Live || p.memory != nil {
		o.differences = plan.Differences
	}
	if p.detailed && plan.Change == scandir.Created {
		o.differences = plan.Everything()
	}
	if len(o.differences) > 0 {
		*renderer = *p.set.Renderer() // the outcome keeps what the last one rendered
	}
	if p.dryRun {
		return nil
	}
	if o.entry.Stale && !plan.Live {
		o.warnings = append(o.warnings, p.volume.RemoveStale(o.entry.Profile)...)
	}
	err = p.dir.Publish(plan)
	if errors.Is(err, scandir.ErrLeftBehind) {
		o.warnings = append(o.warnings, err.Error())
		return nil
	}
	return err
}

// asItStands keeps a slot that stands from starting otherwise than it would now:
// after the boot that is the operator's to change.
func (p *pass) asItStands(e *scan.Entry) (*scan.Entry, error) {
	stands, err := p.dir.IsServiceDir(e.Profile.Service)
	if !stands || err != nil {
		return e, err
	}
	down, err := p.dir.IsDown(e.Profile.Service)
	if down != e.Profile.Start || err != nil {
		return e, err
	}
	kept := *e
	kept.Profile.Start, kept.Reason = !down, "the slot stands: whether it starts is left as it is"
	return &kept, nil
}
