package main

import (
	"fmt"
	"strings"
	"time"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// The actions of a pass on a profile.
const (
	actionStarted    = "started"
	actionRegistered = "registered"
	actionSkipped    = "skipped"
	actionFailed     = "failed"
)

// outcome is what became of one profile in a pass.
type outcome struct {
	entry  scan.Entry
	action string
	change scandir.Change
	live   bool
	reason string
}

// line is the outcome on stdout.
func (o outcome) line(dryRun bool) string {
	s := fmt.Sprintf("reconcile: profile=%s prior_state=%s action=%s",
		scan.Escape(o.entry.Profile.Name), o.entry.Intent, o.action)
	if dryRun {
		s += " change=" + string(o.change)
	}
	return s
}

func (o outcome) logged() scan.Outcome {
	exit := o.entry.Profile.PriorExit
	if exit == "" {
		exit = "unknown"
	}
	return scan.Outcome{
		Profile: o.entry.Profile.Name, Intent: o.entry.Intent, Action: o.action, PriorExit: exit, Reason: o.reason,
	}
}

// summary tells a pass in one line.
func summary(outcomes []outcome, took time.Duration) string {
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
	return fmt.Sprintf("%d profiles: %s (%d ms)", len(outcomes), strings.Join(parts, ", "), took.Milliseconds())
}
