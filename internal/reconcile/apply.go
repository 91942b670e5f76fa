package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// publishAll plans and applies one step after the other, two at a time. Slots without
// room are removed before others are published.
func (a applier) publishAll(ctx context.Context) []Outcome {
	entries := a.chosenEntries()
	outcomes := make([]Outcome, len(entries))
	first := a.stepper()
	for i, e := range entries {
		if a.noRoom[e.Profile.Service] && ctx.Err() == nil {
			outcomes[i] = a.apply(first.step(e))
		}
	}
	scan.Share(len(entries), func() func(int) {
		s := a.stepper()
		return func(i int) {
			if outcomes[i].Entry == nil && ctx.Err() == nil {
				outcomes[i] = a.apply(s.step(entries[i]))
			}
		}
	})
	return slices.DeleteFunc(outcomes, func(o Outcome) bool { return o.Entry == nil }) // ctx ended before
}

// apply carries a step out and returns its outcome.
func (a applier) apply(s Step) Outcome {
	o := s.Outcome
	switch s.work {
	case publish:
		warnings, err := a.publish(s)
		o.Warnings = append(o.Warnings, warnings...)
		if err != nil {
			return o.failed(err)
		}
	case retire:
		if err := a.retire(o.Entry.Profile.Service); err != nil {
			return o.failed(fmt.Errorf("%w; %w", a.errNoRoom(), err))
		}
	case nothing:
	}
	return o
}

// publish removes the profile's stale files and gives its slot its name.
func (a applier) publish(s Step) (warnings []string, err error) {
	if s.Entry.Stale && !s.plan.Live {
		warnings = a.volume.RemoveStale(s.Entry.Profile)
	}
	err = a.dir.Publish(s.plan)
	if errors.Is(err, scandir.ErrLeftBehind) {
		return append(warnings, err.Error()), nil
	}
	return warnings, err
}

// retire removes a slot for which s6-svscan has no room, unless it is live: with too
// many slots s6-svscan would not start the others either.
func (a applier) retire(service string) error {
	isSlot, err := a.dir.Entry(service).IsDir()
	if !isSlot || err != nil {
		return err
	}
	return a.dir.Retire(service)
}

// clearLeftovers clears what killed passes left, and returns the names that have to be
// pruned.
func (a applier) clearLeftovers() (prune []string) {
	if a.dir == nil || a.Scan.Autostart == scan.None {
		return nil
	}
	leftovers, err := a.leftovers(time.Now())
	if err != nil {
		a.Tell(message.Of(message.Warning, err))
	}
	for _, l := range leftovers {
		if err := a.dir.Clear(l); err != nil {
			a.warnLeftover(l.Name, err)
		}
		if l.Do == scandir.Prune {
			prune = append(prune, l.Name)
		}
	}
	return prune
}

func (a applier) warnLeftover(name string, err error) {
	service, _ := scandir.ParseHidden(name)
	profile, _ := profileOf(service)
	a.Tell(message.Of(message.Warning, a.dir.LeftoverError(name, err)).About(profile))
}
