package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// prune drains the leftovers, the services that earlier passes took down and, with Prune,
// the orphans. It returns an outcome for each orphan that it could not remove.
func (a applier) prune(ctx context.Context, leftovers []string) []Outcome {
	orphans := slices.DeleteFunc(a.confirmedOrphans(), a.mayBeBack)
	orphans = a.alsoDraining(orphans)
	if len(orphans)+len(leftovers) == 0 || ctx.Err() != nil {
		return nil
	}
	a.holdDown()
	errs := a.end(ctx, slices.Concat(leftovers, orphans))
	for _, name := range slices.Sorted(maps.Keys(errs)) {
		if err := errs[name]; !slices.Contains(orphans, name) && !errors.Is(err, scandir.ErrDraining) {
			a.warnLeftover(name, err)
		}
	}
	failed := a.pruneOutcomes(orphans, errs)
	if slices.ContainsFunc(orphans, a.isBack) {
		a.listAgain(errs)
	}
	return failed
}

// end ends services and removes their directories. It returns errors by name, and
// scandir.ErrDraining for a service that needs more time.
func (a applier) end(ctx context.Context, names []string) map[string]error {
	if a.Drain == nil {
		return a.dir.Prune(ctx, names)
	}
	return a.Drain.Step(ctx, a.dir, names)
}

// alsoDraining adds the services that an earlier pass took down. The pass drains them to
// the end, also when the profile is back.
func (a applier) alsoDraining(orphans []string) []string {
	for _, service := range a.Drain.Asked() {
		name, isSlot := a.Layout.ProfileOf(service)
		if isSlot && a.Chosen(name) && !slices.Contains(orphans, service) {
			orphans = append(orphans, service)
		}
	}
	return orphans
}

// listAgain lists the profiles again, since some came back while the pass waited for their
// services. It leaves out the profiles whose service has not ended.
func (a applier) listAgain(errs map[string]error) {
	a.listProfiles()
	a.list.Entries = slices.DeleteFunc(a.list.Entries, func(e scan.Entry) bool {
		return errs[e.Profile.Service] != nil || a.Drain.Has(e.Profile.Service)
	})
}

// mayBeBack looks again for the profile of an orphan and reports whether it may exist. It
// may have been made since the scan.
func (p *planner) mayBeBack(service string) bool {
	name, _ := p.Layout.ProfileOf(service)
	exists, err := p.volume.Exists(name)
	if err != nil {
		p.failFor(name, err)
	}
	if !exists && err == nil {
		return false
	}
	p.Orphans.Reset(service)
	return true
}

// isBack reports whether the profile of a service exists.
func (a applier) isBack(service string) bool {
	name, _ := a.Layout.ProfileOf(service)
	exists, err := a.volume.Exists(name)
	return exists && err == nil
}

func (a applier) pruneOutcomes(orphans []string, errs map[string]error) []Outcome {
	var outcomes []Outcome
	for _, service := range orphans {
		switch err := errs[service]; {
		case errors.Is(err, scandir.ErrDraining):
			a.draining = append(a.draining, service)
		case err != nil:
			outcomes = append(outcomes, newOutcome(a.orphanEntry(service), Failed).failed(err))
		default:
			a.pruned = append(a.pruned, service)
			why := "its profile is gone"
			if a.hasProfile(service) {
				why = "its profile was gone, and is back"
			}
			a.event("pruned slot %q: %s", service, why)
		}
	}
	return outcomes
}

func (p *planner) orphanEntry(service string) *scan.Entry {
	name, _ := p.Layout.ProfileOf(service)
	return &scan.Entry{Profile: scan.Profile{Name: name, Service: service, PriorExit: scan.ExitUnknown}, Verdict: scan.Failed}
}

// holdDown makes the down file of every slot that has to stay down. A prune makes a
// listening s6-svscan scan the scandir before the pass publishes the slots.
func (a applier) holdDown() {
	listens, err := a.dir.HasScanner()
	if err != nil {
		a.fail(err)
	}
	if a.KeepDown || !listens {
		return
	}
	for i := range a.list.Entries {
		if e := &a.list.Entries[i]; a.Chosen(e.Profile.Name) {
			a.holdSlotDown(e)
		}
	}
}

// holdFailedDown makes the missing down file of each slot that failed and has to stay down.
// The old slot stays, and the rescan would start it.
func (a applier) holdFailedDown(outcomes []Outcome) {
	for _, o := range outcomes {
		if o.Action == Failed && !a.KeepDown {
			a.holdSlotDown(o.Entry)
		}
	}
}

func (a applier) holdSlotDown(e *scan.Entry) {
	if e.Verdict != scan.Publish || e.Profile.Start {
		return
	}
	added, err := a.dir.HoldDown(e.Profile.Service, a.owners)
	if err != nil {
		a.failFor(e.Profile.Name, fmt.Errorf("holding slot %q down: %w", e.Profile.Service, err))
	}
	a.heldDown[e.Profile.Service] = added
}
