package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// orphans returns the slots that had a profile once: directories of the scandir
// whose profile does not exist at all. Where profiles/ was not read to its end, or is
// not there, nobody knows.
func (p *pass) orphans() ([]string, error) {
	canTell := p.dir != nil && p.list.Err == nil
	if !canTell {
		return nil, nil
	}
	names, err := p.dir.Names()
	if err != nil {
		return nil, err
	}
	exists := map[string]bool{scan.DefaultName: true}
	for _, e := range p.list.Entries {
		exists[e.Profile.Name] = true
	}
	var orphans []string
	for _, service := range slices.Sorted(maps.Keys(names)) {
		name, found := strings.CutPrefix(service, scan.ServicePrefix)
		if !found || exists[name] || scan.CheckName(name) != "" || !p.chosen(name) {
			continue
		}
		isDir, err := p.dir.IsServiceDir(service)
		if isDir {
			orphans = append(orphans, service)
		}
		if err != nil {
			p.failFor(name, err)
		}
	}
	if !p.list.Complete {
		p.sayNoProfiles(orphans)
		return nil, nil
	}
	return orphans, nil
}

// sayNoProfiles tells that slots of profiles stand on a volume without profiles/, as
// one that is not mounted would be.
func (p *pass) sayNoProfiles(services []string) {
	if len(services) > 0 {
		p.msg.warn("left alone %s without a profile: there is no %q", counted(len(services), "slot"), p.volume.Home()+"/profiles")
	}
}

// prune removes the slots of profiles that are gone, or names them, and what
// killed passes left. What could not be removed of a slot is an outcome of its own.
func (p *pass) prune(ctx context.Context, leftovers []string) []outcome {
	orphans, err := p.orphans()
	if err != nil {
		p.fail(err)
	}
	orphans = p.toPrune(p.memory.confirm(orphans, p.chosen))
	orphans = p.memory.alsoLeaving(orphans, p.chosen)
	if len(orphans)+len(leftovers) == 0 || ctx.Err() != nil {
		return nil
	}
	p.holdDown()
	errs := p.seeOff(ctx, slices.Concat(leftovers, orphans))
	for _, name := range slices.Sorted(maps.Keys(errs)) {
		if err := errs[name]; !slices.Contains(orphans, name) && !errors.Is(err, scandir.ErrLeaving) {
			service, _ := scandir.ParseHidden(name)
			p.msg.about(profileOf(service)).warnOf(err, p.dir.LeftoverWarning(name, err))
		}
	}
	outcomes := p.pruneOutcomes(orphans, errs)
	if p.memory == nil && slices.ContainsFunc(orphans, p.isBack) { // a watch is told of it
		p.look()
		p.list.Entries = slices.DeleteFunc(p.list.Entries, func(e scan.Entry) bool {
			err := errs[e.Profile.Service]
			return err != nil && !errors.Is(err, scandir.ErrLeaving) // it has its outcome
		})
	}
	return outcomes
}

// seeOff waits for the services to go or, in a watch, leaves them time until the next
// pass.
func (p *pass) seeOff(ctx context.Context, names []string) map[string]error {
	if p.memory != nil {
		return p.memory.leaving.Step(ctx, p.dir, names)
	}
	return p.dir.Prune(ctx, names)
}

// isBack tells whether the profile of a service has been made anew: a prune may take
// its time.
func (p *pass) isBack(service string) bool {
	exists, err := p.volume.Exists(profileOf(service))
	return exists && err == nil
}

func (p *pass) pruneOutcomes(orphans []string, errs map[string]error) []outcome {
	var outcomes []outcome
	for _, service := range orphans {
		err := errs[service]
		if errors.Is(err, scandir.ErrLeaving) {
			if p.memory == nil {
				p.msg.warn("slot %q is hidden and has not ended yet: the next pass clears it", service)
			}
			continue
		}
		if err != nil {
			outcomes = append(outcomes, newOutcome(orphanEntry(service), actionFailed).failed(err))
			continue
		}
		p.pruned++
		why := "its profile is gone"
		if p.hasProfile(service) {
			why = "its profile was gone, and is back"
		}
		p.msg.line("pruned slot %q: %s", service, why)
	}
	return outcomes
}

// holdDown gives every slot that has to stay down its down file: a prune makes a
// listening s6-svscan look at the scandir before the slots are as they should be. A
// watch leaves those that stand as they are.
func (p *pass) holdDown() {
	listens, err := p.dir.Supervised()
	if err != nil {
		p.fail(err)
	}
	if p.memory != nil || !listens {
		return
	}
	for i := range p.list.Entries {
		if e := &p.list.Entries[i]; p.chosen(e.Profile.Name) {
			p.holdSlotDown(e)
		}
	}
}

// holdFailedDown is holdDown for what could not be published, before a rescan: what
// stands of it stays, and would come up. A watch leaves it as it is.
func (p *pass) holdFailedDown(outcomes []outcome) {
	for _, o := range outcomes {
		if o.action == actionFailed && p.memory == nil {
			p.holdSlotDown(o.entry)
		}
	}
}

func (p *pass) holdSlotDown(e *scan.Entry) {
	if e.Verdict != scan.Publish || e.Profile.Start {
		return
	}
	if err := p.dir.HoldDown(e.Profile.Service, p.owners); err != nil {
		p.fail(fmt.Errorf("holding slot %q down: %w", e.Profile.Service, err))
	}
}

// toPrune returns the orphans that are to go now, and names those that would.
func (p *pass) toPrune(orphans []string) []string {
	switch {
	case !p.pruning:
		for _, service := range orphans {
			p.msg.about(profileOf(service)).warn("slot %q has no profile: left alone, reconcile --prune removes it", service)
		}
	case p.dryRun:
		for _, service := range orphans {
			p.msg.line("would prune slot %q: its profile is gone", service)
		}
		p.leavesRoom = orphans
	default:
		return slices.DeleteFunc(orphans, p.mayBeBack)
	}
	return nil
}

// mayBeBack asks again for the profile of an orphan: it may have been made since
// profiles/ was listed.
func (p *pass) mayBeBack(service string) bool {
	exists, err := p.volume.Exists(profileOf(service))
	if err != nil {
		p.failFor(profileOf(service), err)
	}
	if !exists && err == nil {
		return false
	}
	p.memory.doubt(service)
	return true
}

func orphanEntry(service string) *scan.Entry {
	name := profileOf(service)
	return &scan.Entry{Profile: scan.Profile{Name: name, Service: service, PriorExit: scan.ExitUnknown}, Verdict: scan.Failed}
}
