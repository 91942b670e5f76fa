package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// The actions of a pass on a profile.
const (
	actionStarted    = "started"
	actionRegistered = "registered"
	actionSkipped    = "skipped"
	actionFailed     = "failed"
	// actionIgnored is what scan says of an entry that is no profile.
	actionIgnored = "ignored"
)

// outcome is what became of one profile in a pass.
type outcome struct {
	entry  *scan.Entry
	action string
	change scandir.Change
	live   bool
	effect scandir.Effect
	// reason is what the boot log says beside the action, why the whole of it.
	reason, why string
	// err is what failed, for its hint; the reason is its text.
	err error
	// differences are kept of a live slot, and of every one in a detailed pass or a
	// watch.
	differences []scandir.Difference
	warnings    []string
	// isNews is set where a watch has not said the same of the profile before.
	isNews bool
}

// isNotMade tells whether the pass ended before this outcome.
func (o outcome) isNotMade() bool { return o.entry == nil }

func newOutcome(e *scan.Entry, action string) outcome {
	return outcome{entry: e, action: action, change: scandir.None, reason: e.Reason, why: e.Why}
}

func (o outcome) failed(err error) outcome {
	text := oneLine(err.Error())
	o.action, o.change, o.reason, o.why, o.err = actionFailed, scandir.None, text, text, err
	return o
}

// line is the outcome on stdout.
func (o outcome) line(dryRun bool) string {
	s := "reconcile: " + o.fields()
	if dryRun {
		s += " change=" + string(o.change)
	}
	return s
}

func (o outcome) fields() string {
	return fmt.Sprintf("profile=%s prior_state=%s action=%s",
		scan.Escape(o.entry.Profile.Name), o.entry.Intent, o.action)
}

// lasting returns what every pass would say again of an outcome, or "".
func (o outcome) lasting() string {
	switch {
	case o.action == actionSkipped || o.action == actionFailed:
		return o.action + ": " + o.reason
	case o.effect == scandir.NeedsRestart:
		return string(o.effect)
	}
	return ""
}

// tell prints what an operator has to know of the outcome beside its line.
func (o outcome) tell(msg messages) {
	msg.warnAll(o.warnings)
	switch {
	case o.action == actionSkipped:
		msg.warn("skipping profile %+q: %s", o.entry.Profile.Name, o.reason)
	case o.action == actionFailed:
		msg.line("error: profile %+q: %s", o.entry.Profile.Name, o.reason)
		msg.hint(o.err)
	case o.effect == scandir.NeedsRestart:
		msg.warn("slot %q is live and needs restart, left as it is: its logger would have to come or go, or a directory and a file change places", o.entry.Profile.Service)
		msg.line("hint: a new supervisor takes it up, at the next start of the container")
	case o.effect == scandir.AtNextStart:
		msg.line("slot %q is live, in force at next start: %s", o.entry.Profile.Service, listed(o.differences))
		if slices.ContainsFunc(o.differences, isDown) {
			msg.line("hint: a pass starts and stops nothing: s6-svc -u or -d does")
		}
	}
}

// tellChange prints what a watch tells of an outcome: one line, and a hint.
func (o outcome) tellChange(msg messages) {
	switch {
	case o.change == scandir.Created:
		line := o.fields()
		if o.reason != "" {
			line += " reason=" + strconv.QuoteToASCII(o.reason)
		}
		msg.line("created slot %q: %s", o.entry.Profile.Service, line)
	case o.change == scandir.Updated && !o.live:
		msg.line("updated slot %q: %s", o.entry.Profile.Service, listed(o.differences))
	case o.change == scandir.Unchanged:
		msg.line("slot %q is as it should be again: %s", o.entry.Profile.Service, o.fields())
	default:
		o.tell(msg)
	}
}

func isDown(d scandir.Difference) bool { return d.Path == render.DownFile }

// listed names the paths of a slot that differ, and how.
func listed(diffs []scandir.Difference) string {
	words := make([]string, 0, len(diffs))
	for _, d := range diffs {
		words = append(words, fmt.Sprintf("%s (%s)", cmp.Or(d.Path, "."), d.What))
	}
	return strings.Join(words, ", ")
}

// isNoProfile tells whether the entry has, or could have, no slot of its own,
// whatever the policy.
func (o outcome) isNoProfile() bool {
	return o.action == actionIgnored || o.action == actionSkipped && o.entry.Profile.Service == ""
}

func (o outcome) logged() scan.Outcome {
	return scan.Outcome{
		Profile: o.entry.Profile.Name, Intent: o.entry.Intent, Action: o.action,
		PriorExit: o.entry.Profile.PriorExit, Reason: o.reason,
	}
}

func anyFailed(outcomes []outcome) bool {
	for _, o := range outcomes {
		if o.action == actionFailed {
			return true
		}
	}
	return false
}

// summary tells a pass in one line.
func summary(outcomes []outcome, pruned int, took time.Duration) string {
	changes := map[scandir.Change]int{}
	actions := map[string]int{}
	for _, o := range outcomes {
		actions[o.action]++
		if o.action == actionStarted || o.action == actionRegistered {
			changes[o.change]++
		}
	}
	var parts []string
	for _, c := range []scandir.Change{scandir.Created, scandir.Updated, scandir.Unchanged} {
		parts = append(parts, fmt.Sprintf("%d %s", changes[c], c))
	}
	if n := changes[scandir.None]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d left as they are", n))
	}
	for _, a := range []string{actionSkipped, actionFailed} {
		if n := actions[a]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, a))
		}
	}
	if pruned > 0 {
		parts = append(parts, fmt.Sprintf("%d pruned", pruned))
	}
	return fmt.Sprintf("%s: %s (%d ms)", counted(len(outcomes), "profile"), strings.Join(parts, ", "), took.Milliseconds())
}

// counted returns a number with the word for what it counts.
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
