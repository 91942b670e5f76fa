package reconcile

import (
	"slices"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Action is the word on stdout and in the boot log for the decision about a profile.
type Action string

// The actions. A published slot has the action Started without a down file, and Registered
// with one.
const (
	Started    Action = "started"
	Registered Action = "registered"
	Skipped    Action = "skipped"
	Failed     Action = "failed"
	// Ignored is the action for an entry that is no profile.
	Ignored Action = "ignored"
	// Orphan is the action for a slot whose profile does not exist.
	Orphan Action = "orphan"
)

// Outcome is the result of a pass for one profile, or the planned result.
type Outcome struct {
	Entry  *scan.Entry
	Action Action
	Change scandir.Change
	// Live reports whether the slot is live.
	Live bool
	// Effect says when the change of a live slot takes effect.
	Effect scandir.Effect
	// Reason is the reason in the boot log. Why is the full explanation.
	Reason, Why string
	// Hint tells the operator what to type, or is empty: to repair a failure, or to start or
	// stop a live service whose down file changes.
	Hint string
	// Differences are the differences between the existing slot and the rendered one.
	Differences []scandir.Difference
	// Warnings are the warnings about this profile.
	Warnings []string
	// News reports whether the boot log gets the outcome.
	News bool
}

// Published reports whether the profile has a slot after the pass.
func (o Outcome) Published() bool { return o.Action == Started || o.Action == Registered }

func (o Outcome) isFailed() bool { return o.Action == Failed }

func newOutcome(e *scan.Entry, action Action) Outcome {
	return Outcome{Entry: e, Action: action, Change: scandir.None, Reason: e.Reason, Why: e.Why}
}

func (o Outcome) failed(err error) Outcome {
	text := message.OneLine(err.Error())
	o.Action, o.Change, o.Reason, o.Why, o.Hint = Failed, scandir.None, text, text, hint.Of(err)
	return o
}

// Report is the result of a pass or of its preview.
type Report struct {
	// Home is the volume's root, also when Options.Home was a directory below the profiles folder.
	Home string
	// Autostart is the policy in force, never scan.Auto.
	Autostart scan.Policy
	// Listens reports whether an s6-svscan listens on the scandir.
	Listens bool
	// Outcomes holds the default profile first, then the others in byte order. Then come the
	// orphans that the pass could not remove and, with Options.Explain, those that it leaves
	// alone.
	Outcomes []Outcome
	// Pruned are the services whose slots the pass removed, or would remove.
	Pruned []string
	// Draining are the services that were taken down and have not ended yet.
	Draining []string
	// Incomplete reports whether something failed that is no profile's outcome.
	Incomplete bool
}

// OK reports whether nothing failed.
func (r Report) OK() bool {
	return !r.Incomplete && !slices.ContainsFunc(r.Outcomes, Outcome.isFailed)
}

// FailedAll reports whether profiles failed and none has a slot after the pass.
func (r Report) FailedAll() bool {
	return slices.ContainsFunc(r.Outcomes, Outcome.isFailed) && !slices.ContainsFunc(r.Outcomes, Outcome.Published)
}

// Services returns the services that the pass published, in the order of the outcomes.
func (r Report) Services() []string {
	var services []string
	for _, o := range r.Outcomes {
		if o.Published() {
			services = append(services, o.Entry.Profile.Service)
		}
	}
	return services
}
