package reconcile

import (
	"fmt"
	"path/filepath"
	"slices"

	"slotgen/internal/hint"
	"slotgen/internal/s6"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Step is the plan for one profile. Its outcome is final unless the work fails.
type Step struct {
	Outcome
	plan scandir.Plan // zero unless the outcome is published
}

// chosenEntries returns the entries that get a step. A service that was taken down gets no
// step before it is hidden.
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

// hasStep reports whether an entry gets a step. A directory with the name of the default
// profile never gets one: the name belongs to the home, and the scan warns of it.
func (p *planner) hasStep(e *scan.Entry) bool {
	return e.Verdict != scan.Ignored || p.Explain && !p.Layout.IsDefault(e.Profile.Name)
}

// planStep plans the step of one entry.
func (p *planner) planStep(e *scan.Entry) Step {
	o := p.decide(e)
	if p.Live && !o.Published() {
		o.Live = p.isLive(e)
	}
	return o
}

func (p *planner) decide(e *scan.Entry) Step {
	switch e.Verdict {
	case scan.Ignored:
		return Step{Outcome: newOutcome(e, Ignored)}
	case scan.Skipped:
		return Step{Outcome: newOutcome(e, Skipped)}
	case scan.Failed:
		return Step{Outcome: newOutcome(e, Failed)}
	case scan.Publish:
	}
	if p.NoGateways != "" {
		return Step{Outcome: noGatewaysHere(e, p.NoGateways)}
	}
	if p.KeepDown {
		kept, err := p.keepDown(e)
		if err != nil {
			return Step{Outcome: newOutcome(e, Failed).failed(err)}
		}
		e = kept
	}
	o := newOutcome(e, Registered)
	if e.Profile.Start {
		o.Action = Started
	}
	return p.planSlot(o)
}

// noGatewaysHere returns the outcome of a profile in a container that needs no gateways.
func noGatewaysHere(e *scan.Entry, word string) Outcome {
	o := newOutcome(e, Skipped)
	o.Reason = word + " container"
	o.Why = "this is a " + o.Reason + ": it supervises no gateways"
	return o
}

// planSlot renders the slot and compares it with the existing one.
func (p *planner) planSlot(o Outcome) Step {
	switch {
	case p.noRoom[o.Entry.Profile.Service]:
		return Step{Outcome: o.failed(p.errNoRoom())}
	case p.listErr != nil:
		return Step{Outcome: o.failed(p.listErr)}
	}
	slot, findings, err := p.Templates.Slot(o.Entry.Profile)
	if err != nil {
		return Step{Outcome: o.failed(p.hintOverrides(err))}
	}
	for _, f := range findings {
		o.Warnings = append(o.Warnings, fmt.Sprintf("profile %q: %s", o.Entry.Profile.Name, f))
	}
	plan, err := p.compare(slot)
	if err != nil {
		return Step{Outcome: o.failed(err)}
	}
	o.Warnings = append(o.Warnings, plan.Risks...)
	o.Change, o.Live, o.Effect = plan.Change, plan.Live, plan.Effect
	if p.Differences || plan.Live {
		o.Differences = plan.Differences
	}
	if plan.Live && slices.ContainsFunc(plan.Differences, isDown) {
		o.Hint = p.controlHint(o)
	}
	return Step{Outcome: o, plan: plan}
}

// hintOverrides adds to the error of a template how to go on without the overrides. The embedded
// templates are of no use to a volume whose profiles have data.
func (p *planner) hintOverrides(err error) error {
	if !p.Templates.HasOverrides() || p.Layout.Data != "" {
		return err
	}
	advice := "--templates none goes on without the overrides"
	if first := hint.Of(err); first != "" {
		advice = first + " (" + advice + ")"
	}
	return hint.Add(err, "%s", advice)
}

func isDown(d scandir.Difference) bool { return d.Path == render.DownFile }

// controlHint says how to start or stop a live service: a pass does neither.
func (p *planner) controlHint(o Outcome) string {
	if o.Entry.Profile.Start {
		return "to start it now: " + p.controlCommand("-u", o.Entry.Profile.Service)
	}
	return "to stop it now: " + p.controlCommand("-wD -d", o.Entry.Profile.Service)
}

// controlCommand returns the command line of s6-svc for a service.
func (p *planner) controlCommand(options, service string) string {
	return s6.ControlCommand(p.Scan.Base.CommandDir, options, filepath.Join(p.Scandir, service))
}

func (p *planner) compare(slot render.Slot) (scandir.Plan, error) {
	if p.dir == nil {
		return scandir.PlanNew(slot, p.owners), nil
	}
	plan, err := p.dir.Plan(slot, p.owners)
	if err == nil && plan.Change == scandir.Created {
		err = p.mustNotBeStray(slot.Service)
	}
	return plan, err
}

// mustNotBeStray returns an error when a supervisor still runs in a removed slot of that name: a
// second service must not start beside it.
func (p *planner) mustNotBeStray(service string) error {
	pid, found := p.strays()[service]
	if !found {
		return nil
	}
	err := fmt.Errorf("process %d (s6-supervise) still runs its service in a directory that was removed", pid)
	return hint.Add(err, "%s", p.dir.EndStrays())
}

// keepDown returns the entry with Start as the existing slot has it: true without a down
// file.
func (p *planner) keepDown(e *scan.Entry) (*scan.Entry, error) {
	exists, err := p.dir.IsDir(e.Profile.Service)
	if !exists || err != nil {
		return e, err
	}
	down, err := p.dir.IsDown(e.Profile.Service)
	if down != e.Profile.Start || err != nil {
		return e, err
	}
	kept := *e
	kept.Profile.Start, kept.Reason = !down, "the slot exists: whether it starts is left as it is"
	return &kept, nil
}

// isLive reports whether a slot that the pass leaves alone is live. It reports false when
// it can't find out.
func (p *planner) isLive(e *scan.Entry) bool {
	if p.dir == nil || p.Layout.CheckName(e.Profile.Name) != "" {
		return false
	}
	live, err := p.dir.Live(p.Layout.Service(e.Profile.Name))
	return live && err == nil
}

func (p *planner) errNoRoom() error {
	return hint.Add(fmt.Errorf("s6-svscan takes %d services, loggers counted: no room for this one", p.MaxServices),
		"raise the limit of s6-svscan (-C, before 2.15 -c) and --max-services with it")
}
