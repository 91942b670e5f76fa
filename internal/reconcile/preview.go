package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Preview plans a pass and changes nothing. It calls each, unless nil, with every outcome in
// the order of the report. It returns the error of each, the error of ctx, or an error with
// which Run would touch no slot.
func Preview(ctx context.Context, o Options, each func(Outcome) error) (Report, error) {
	p := newPlanner(o)
	defer p.close()
	if err := p.openVolume(); err != nil {
		return Report{}, err
	}
	if err := p.lookAtScandir(); err != nil {
		return Report{}, err
	}
	p.warnOfRisks()
	p.readVolume()
	p.previewMigration()
	p.previewLeftovers()
	p.previewPrune()
	p.readScandir()
	outcomes, err := p.previewSteps(ctx, each)
	return p.report(append(outcomes, p.orphanOutcomes()...)), err
}

func (p *planner) previewSteps(ctx context.Context, each func(Outcome) error) ([]Outcome, error) {
	var outcomes []Outcome
	for _, e := range p.chosenEntries() {
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
		o := p.planStep(e).Outcome
		if each != nil {
			if err := each(o); err != nil {
				return outcomes, err
			}
			o.Differences = nil // they keep the rendered bytes in memory
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

const scandirHint = "--scandir or S6_PROFILE_GATEWAY_SCANDIR names s6-svscan's directory"

// lookAtScandir opens the scandir if it exists, and does not take its lock.
func (p *planner) lookAtScandir() error {
	if p.Scan.Autostart == scan.None && !p.Live {
		return nil
	}
	dir, err := scandir.OpenToLook(p.Scandir, p.Layout.Prefix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && p.Scan.Autostart == scan.None: // only Live needs the scandir
		return nil
	case err != nil:
		return hint.Add(err, scandirHint)
	}
	p.dir, p.owners = dir, dir.Owners(p.Access, p.Scan.Base.UID, p.Scan.Base.GID)
	if err := dir.CheckStopped(); err != nil {
		p.Tell(message.Of(message.Warning, err))
	}
	return p.checkApart()
}

// checkApart returns an error when a prune in this scandir could remove a profile or the
// home by its name.
func (p *planner) checkApart() error {
	if !p.Prune {
		return nil
	}
	if err := p.volume.Apart(p.dir.FD()); err != nil {
		advice := "--prune removes what is called " + p.Layout.Service("NAME") + " there: keep the scandir apart from the volume"
		if p.KeepDown { // a watch prunes by default
			advice += ", or watch with --prune=false"
		}
		return hint.Add(fmt.Errorf("pruning in scandir %q: %w", p.Scandir, err), "%s", advice)
	}
	return nil
}

func (p *planner) previewMigration() {
	if p.migrates() {
		p.event("would write "+migrated, p.Layout.StateFile)
	}
}

// previewLeftovers marks the leftovers that a pass would remove before it publishes.
func (p *planner) previewLeftovers() {
	for _, l := range p.leftovers() {
		held, err := p.dir.Held(l.Name)
		p.toRemove[l.Name] = !held && err == nil
	}
}

func (p *planner) previewPrune() {
	p.pruned = slices.DeleteFunc(p.confirmedOrphans(), p.mayBeBack)
	for _, service := range p.pruned {
		p.event("would prune slot %q: its profile is gone", service)
		p.toRemove[service] = true
	}
}
