package reconcile

import (
	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Action is what a pass does about a profile: the word on stdout and in the boot log.
type Action string

// The actions. Started and Registered are those of a published slot: without and with
// a down file.
const (
	Started    Action = "started"
	Registered Action = "registered"
	Skipped    Action = "skipped"
	Failed     Action = "failed"
	// Ignored is the action on an entry that is no profile.
	Ignored Action = "ignored"
)

// Outcome is what became of one profile, or what would become of it.
type Outcome struct {
	Entry  *scan.Entry
	Action Action
	Change scandir.Change
	// Live reports whether the slot is live.
	Live bool
	// Effect says when the change of a live slot is in force.
	Effect scandir.Effect
	// Reason is what the boot log says beside the action, Why all that is known.
	Reason, Why string
	// Hint says what to do about a failure, or is empty.
	Hint string
	// Differences say how the slot differs from the rendered one.
	Differences []scandir.Difference
	// Warnings are about this profile alone.
	Warnings []string
	// News reports whether the boot log got the outcome.
	News bool
}

// Published reports whether the profile has a slot after the pass.
func (o Outcome) Published() bool { return o.Action == Started || o.Action == Registered }

func newOutcome(e *scan.Entry, action Action) Outcome {
	return Outcome{Entry: e, Action: action, Change: scandir.None, Reason: e.Reason, Why: e.Why}
}

func (o Outcome) failed(err error) Outcome {
	text := message.OneLine(err.Error())
	o.Action, o.Change, o.Reason, o.Why, o.Hint = Failed, scandir.None, text, text, hint.Of(err)
	return o
}

// Report is what a pass did, or would do.
type Report struct {
	// Home is the volume's root: a home below profiles/ stands for the one above.
	Home string
	// Autostart is the policy in force, never scan.Auto.
	Autostart scan.Policy
	// Outcomes has the default profile first, then the others in byte order, then what
	// failed of pruned slots.
	Outcomes []Outcome
	// Pruned are the services whose slots were removed, or would be.
	Pruned []string
	// Draining are the services that were taken down and hidden and have not ended yet.
	Draining []string
	// Incomplete reports whether something beside a profile was left undone.
	Incomplete bool
}

// OK reports whether the pass did everything.
func (r Report) OK() bool {
	for _, o := range r.Outcomes {
		if o.Action == Failed {
			return false
		}
	}
	return !r.Incomplete
}

// Services returns the slots that exist after the pass, in the order of the outcomes.
func (r Report) Services() []string {
	var services []string
	for _, o := range r.Outcomes {
		if o.Published() {
			services = append(services, o.Entry.Profile.Service)
		}
	}
	return services
}
