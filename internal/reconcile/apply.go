package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll plans and applies the steps; two goroutines share them. It removes the slots
// without room first, then publishes the others.
func (a applier) publishAll(ctx context.Context) []Outcome {
	entries := a.chosenEntries()
	outcomes := make([]Outcome, len(entries))
	for i, e := range entries {
		if a.noRoom[e.Profile.Service] && ctx.Err() == nil {
			outcomes[i] = a.retire(a.planStep(e).Outcome)
		}
	}
	scan.Share(len(entries), func(parts iter.Seq[int]) {
		for i := range parts {
			if outcomes[i].Entry == nil && ctx.Err() == nil {
				outcomes[i] = a.apply(a.planStep(entries[i]))
			}
		}
	})
	// An entry has no outcome when ctx ended before its step.
	return slices.DeleteFunc(outcomes, func(o Outcome) bool { return o.Entry == nil })
}

// apply carries out a step and returns its outcome.
func (a applier) apply(s Step) Outcome {
	o := s.Outcome
	if !o.Published() {
		return o
	}
	warnings, err := a.publish(s)
	o.Warnings = append(o.Warnings, warnings...)
	if errors.Is(err, unix.ENOSPC) {
		err = hint.Add(err, "the file system of the scandir is full: df -h %[1]s (bytes), df -i %[1]s (files)", a.Scandir)
	}
	if err != nil {
		return o.failed(err)
	}
	if a.heldDown[o.Entry.Profile.Service] && o.Effect != scandir.NeedsRestart {
		o = a.withDown(o)
	}
	return o
}

// withDown adds to the outcome the down file that the pass made before it planned the step.
func (a applier) withDown(o Outcome) Outcome {
	o.Differences = append(o.Differences, scandir.Difference{Path: render.DownFile, What: "added"})
	if o.Change == scandir.Unchanged {
		o.Change = scandir.Updated
	}
	if o.Live {
		o.Effect, o.Hint = scandir.AtNextStart, a.controlHint(o)
	}
	return o
}

// publish removes the profile's stale files and publishes its slot.
func (a applier) publish(s Step) (warnings []string, err error) {
	if s.plan.Change != scandir.Unchanged {
		if err := a.dir.CheckStopped(); err != nil {
			return nil, err
		}
	}
	if s.Entry.Stale && !s.plan.Live {
		warnings = a.volume.RemoveStale(s.Entry.Profile)
	}
	err = a.dir.Publish(s.plan)
	if errors.Is(err, scandir.ErrLeftBehind) {
		return append(warnings, err.Error()), nil
	}
	return warnings, err
}

// retire removes the slot of a profile that has no room; a live slot is an error. With too many
// slots s6-svscan would not start the others either.
func (a applier) retire(o Outcome) Outcome {
	service := o.Entry.Profile.Service
	isSlot, err := a.dir.IsSlot(service)
	if isSlot && err == nil {
		err = a.dir.Retire(service)
	}
	if err != nil {
		return o.failed(fmt.Errorf("%w; %w", a.errNoRoom(), err))
	}
	return o
}

// clearLeftovers clears the leftovers of killed passes. It returns the names of the
// leftovers that need a prune.
func (a applier) clearLeftovers() []string {
	if a.dir == nil {
		return nil
	}
	return a.dir.Clear(a.leftovers(), a.warnLeftover)
}

func (a applier) warnLeftover(name string, err error) {
	service, _ := a.dir.ParseHidden(name)
	profile, _ := a.Layout.ProfileOf(service)
	a.Tell(message.Of(message.Warning, a.dir.LeftoverError(name, err)).About(profile))
}
