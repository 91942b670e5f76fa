package main

import (
	"errors"
	"slices"
	"strings"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// orphans returns the slots that had a profile once: directories of the scandir
// whose profile does not exist at all. Where profiles/ was not read to its end,
// nobody knows.
func (p *pass) orphans() ([]string, error) {
	if p.dir == nil || !p.list.Complete {
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
	for service := range names {
		name, found := strings.CutPrefix(service, scan.ServicePrefix)
		if !found || exists[name] || scan.CheckName(name) != "" || !p.chosen(name) {
			continue
		}
		isDir, derr := p.dir.IsServiceDir(service)
		if isDir {
			orphans = append(orphans, service)
		}
		err = errors.Join(err, derr)
	}
	slices.Sort(orphans)
	return orphans, err
}

// prune removes the slots of profiles that are gone, or names them. What could
// not be removed is an outcome of its own.
func (p *pass) prune() []outcome {
	orphans, err := p.orphans()
	if err != nil {
		p.fail(err)
	}
	orphans = slices.DeleteFunc(p.memory.confirm(orphans, p.chosen, p.pruning), p.sayOrphan)
	orphans = p.memory.alsoLeaving(orphans, p.chosen)
	if len(orphans) == 0 {
		return nil
	}
	errs := p.dir.Prune(orphans)
	var outcomes []outcome
	for _, service := range orphans {
		err := errs[service]
		if errors.Is(err, scandir.ErrLeaving) {
			continue
		}
		if err != nil {
			outcomes = append(outcomes, newOutcome(orphanEntry(service), actionFailed).failed(err))
			continue
		}
		p.pruned++
		p.msg.line("pruned slot %q: its profile is gone", service)
	}
	return outcomes
}

// sayOrphan names an orphan that stays, and tells whether it does.
func (p *pass) sayOrphan(service string) bool {
	switch {
	case !p.pruning:
		p.msg.warn("slot %q has no profile: left alone, --prune removes it", service)
	case p.dryRun:
		p.msg.line("would prune slot %q: its profile is gone", service)
	default:
		// Asked again: it may have been made since profiles/ was listed.
		exists, err := p.volume.Exists(strings.TrimPrefix(service, scan.ServicePrefix))
		if err != nil {
			p.fail(err)
		}
		return exists || err != nil
	}
	return true
}

func orphanEntry(service string) *scan.Entry {
	name := strings.TrimPrefix(service, scan.ServicePrefix)
	return &scan.Entry{Profile: scan.Profile{Name: name, Service: service}, Verdict: scan.Failed}
}
