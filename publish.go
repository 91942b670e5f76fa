package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll takes every chosen entry that is a profile to its outcome, as long as
// the context lasts.
func (p *pass) publishAll(ctx context.Context) []outcome {
	p.listScandir()
	crowdedOut, err := p.crowdedOut()
	if err != nil {
		p.fail(err)
	}
	chosen := []*scan.Entry{}
	for i := range p.list.Entries {
		e := &p.list.Entries[i]
		if (e.Verdict != scan.Ignored || p.explain) && p.chosen(e.Profile.Name) {
			chosen = append(chosen, e)
		}
	}
	outcomes := make([]outcome, len(chosen))
	inParallel(len(chosen), func(i int) {
		if ctx.Err() == nil {
			outcomes[i] = p.profile(chosen[i], crowdedOut[chosen[i].Profile.Service])
		}
	})
	return slices.DeleteFunc(outcomes, outcome.isNotMade)
}

func (p *pass) plan(slot render.Slot) (scandir.Plan, error) {
	if p.names != nil && p.names.Free(slot.Service) {
		return scandir.PlanNew(slot, p.owners), nil
	}
	return p.dir.Plan(slot, p.owners)
}

// workers is how many slots are made at a time: a third one gains nothing, since
// they all wait for the same directory in the kernel.
const workers = 2

// inParallel calls do for every number below n.
func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

// listScandir takes in what stands in the scandir, once for all slots. Where that
// fails each slot asks for itself.
func (p *pass) listScandir() {
	if p.dir == nil {
		p.names = scandir.Names{}
		return
	}
	names, err := p.dir.Names()
	if err != nil {
		p.fail(err)
	}
	p.names = names
}

func (p *pass) profile(e *scan.Entry, crowdedOut bool) outcome {
	switch e.Verdict {
	case scan.Ignored:
		return newOutcome(e, actionIgnored)
	case scan.Skipped:
		return newOutcome(e, actionSkipped)
	case scan.Failed:
		return newOutcome(e, actionFailed)
	case scan.Publish:
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
	if p.dryRun {
		return nil
	}
	if o.entry.Stale && !plan.Live {
		o.warnings = append(o.warnings, p.volume.RemoveStale(o.entry.Profile)...)
	}
	return p.dir.Publish(plan)
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
