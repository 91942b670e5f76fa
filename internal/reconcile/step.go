package reconcile

import (
	"fmt"
	"slices"

	"slotgen/internal/hint"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// work is what an applier has to do for a step.
type work int

const (
	nothing work = iota // the outcome is final
	publish             // carry out the step's plan
	retire              // remove a slot for which there is no room
)

// Step is what a pass does about one profile. Its outcome comes true unless the work
// fails.
type Step struct {
	Outcome
	work work
	plan scandir.Plan
}

// stepper plans the steps of one goroutine, into the same memory.
type stepper struct {
	*planner
	renderer *render.Renderer
}

func (p *planner) stepper() *stepper { return &stepper{p, p.Templates.Renderer()} }

// chosenEntries returns the entries that the pass has a step for. A service that was
// taken down and can still be seen gets none before it has gone.
func (p *planner) chosenEntries() []*scan.Entry {
	visible := p.Drain.Asked()
	var entries []*scan.Entry
	for i := range p.list.Entries {
		e := &p.list.Entries[i]
		if p.hasStep(e) && p.Chosen(e.Profile.Name) && !slices.Contains(visible, e.Profile.Service) {
			entries = append(entries, e)
		}
	}
	return entries
}

// hasStep reports whether an entry gets a step. profiles/default/ gets none, since its
// name is that of the home: the scan warns of it.
func (p *planner) hasStep(e *scan.Entry) bool {
	return e.Verdict != scan.Ignored || p.Explain && e.Profile.Name != scan.DefaultName
}

// step decides what the pass does about one entry. What it returns holds until the
// next call.
func (s *stepper) step(e *scan.Entry) Step {
	o := s.decide(e)
	if s.Live && !o.Published() {
		o.Live = s.isLive(e)
	}
	return o
}

func (s *stepper) decide(e *scan.Entry) Step {
	switch e.Verdict {
	case scan.Ignored:
		return Step{Outcome: newOutcome(e, Ignored)}
	case scan.Skipped:
		return Step{Outcome: newOutcome(e, Skipped)}
	case scan.Failed:
		return Step{Outcome: newOutcome(e, Failed)}
	case scan.Publish:
	}
	if s.NoGateways != "" {
		return Step{Outcome: notHere(e, s.NoGateways)}
	}
	if s.KeepDown {
		kept, err := s.keepDown(e)
		if err != nil {
			return Step{Outcome: newOutcome(e, Failed).failed(err)}
		}
		e = kept
	}
	o := newOutcome(e, Registered)
	if e.Profile.Start {
		o.Action = Started
	}
	return s.planSlot(o)
}

// notHere is the outcome of a profile in a container that has no gateways of its own.
func notHere(e *scan.Entry, word string) Outcome {
	o := newOutcome(e, Skipped)
	o.Reason = word + " container"
	o.Why = "this is a " + o.Reason + ": it supervises no gateways"
	return o
}

// planSlot renders the slot and compares it with the one that exists.
func (s *stepper) planSlot(o Outcome) Step {
	switch {
	case s.noRoom[o.Entry.Profile.Service]:
		return Step{Outcome: o.failed(s.errNoRoom()), work: retire}
	case s.unlisted != nil:
		return Step{Outcome: o.failed(s.unlisted)}
	}
	slot, findings, err := s.renderer.Slot(o.Entry.Profile)
	if err != nil {
		return Step{Outcome: o.failed(err)}
	}
	for _, f := range findings {
		o.Warnings = append(o.Warnings, fmt.Sprintf("profile %q: %s", o.Entry.Profile.Name, f))
	}
	plan, err := s.compare(slot)
	if err != nil {
		return Step{Outcome: o.failed(err)}
	}
	o.Change, o.Live, o.Effect = plan.Change, plan.Live, plan.Effect
	if s.Differences || plan.Live {
		o.Differences = plan.Differences
	}
	if s.Differences && plan.Change == scandir.Created {
		o.Differences = plan.Everything()
	}
	if len(o.Differences) > 0 {
		s.renderer = s.Templates.Renderer() // the outcome keeps what this one rendered
	}
	return Step{Outcome: o, work: publish, plan: plan}
}

func (s *stepper) compare(slot render.Slot) (scandir.Plan, error) {
	if s.names.Free(slot.Service) {
		return scandir.PlanNew(slot, s.owners), nil
	}
	return s.dir.Plan(slot, s.owners)
}

// keepDown returns the entry with the start that the existing slot has.
func (p *planner) keepDown(e *scan.Entry) (*scan.Entry, error) {
	slot := p.dir.Entry(e.Profile.Service)
	exists, err := slot.IsDir()
	if !exists || err != nil {
		return e, err
	}
	down, err := slot.IsDown()
	if down != e.Profile.Start || err != nil {
		return e, err
	}
	kept := *e
	kept.Profile.Start, kept.Reason = !down, "the slot exists: whether it starts is left as it is"
	return &kept, nil
}

// isLive asks whether a slot that the pass leaves alone is live. What can't be asked
// counts as not live.
func (p *planner) isLive(e *scan.Entry) bool {
	if p.dir == nil || scan.CheckName(e.Profile.Name) != "" {
		return false
	}
	live, err := p.dir.Entry(scan.ServicePrefix + e.Profile.Name).Live()
	return live && err == nil
}

func (p *planner) errNoRoom() error {
	return hint.Add(fmt.Errorf("s6-svscan takes %d services, loggers counted: no room for this one", p.MaxServices),
		"raise the limit of s6-svscan (-C, before 2.15 -c) and --max-services with it")
}
