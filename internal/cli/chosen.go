package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"slotgen/internal/hint"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// chosen tells whether --profile leaves a profile in.
func (p *pass) chosen(name string) bool {
	return len(p.only) == 0 || slices.Contains(p.only, name)
}

// checkOnly refuses a --profile that is not on the volume before anything is
// touched.
func (p *pass) checkOnly() error {
	if len(p.only) == 0 || p.memory != nil {
		return nil
	}
	list := p.volume.Scan(p.scanOptions(p.role))
	for _, name := range p.only {
		_, err := findProfile(list, name, p.volume.Home())
		if err != nil && !p.knows(list, name) && !p.mayPrune(list, name) {
			return err
		}
	}
	return nil
}

// mayPrune tells whether a name that profiles/ does not hold is that of a slot that
// could be pruned.
func (p *pass) mayPrune(list scan.Listing, name string) bool {
	_, listed := list.Find(name)
	return p.pruning && !listed && hasSlot(p.scandir, name)
}

// hasSlot tells whether a slot stands that a profile of that name would have, or
// may stand where the scandir can't be looked at.
func hasSlot(path, name string) bool {
	if scan.CheckName(name) != "" {
		return false
	}
	dir, err := scandir.Open(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer dir.Close()
	stands, err := dir.Stands(scan.ServicePrefix + name)
	return stands || err != nil
}

// knows tells whether name is an entry that gets explained, if no profile.
func (p *pass) knows(list scan.Listing, name string) bool {
	_, found := list.Find(name)
	return found && p.explain
}

// findProfile returns the entry called name. That there is none, or that it is
// no profile, is an error.
func findProfile(list scan.Listing, name, home string) (scan.Entry, error) {
	e, found := list.Find(name)
	if !found && list.Err != nil {
		return e, unreadError{list.Err}
	}
	if !found {
		err := fmt.Errorf("unknown profile %q", name)
		known := fmt.Sprintf("profiles are the directories with a SOUL.md in %q", home+"/profiles")
		return e, withHint(err, "%s", cmp.Or(hint.DidYouMean(name, withSlots(list)), known))
	}
	if e.Verdict == scan.Ignored {
		return e, fmt.Errorf("unknown profile %q: %s", name, e.Why)
	}
	return e, nil
}

// withSlots names the entries that have a slot.
func withSlots(list scan.Listing) []string {
	var names []string
	for _, e := range list.Entries {
		if e.Verdict == scan.Publish {
			names = append(names, e.Profile.Name)
		}
	}
	return names
}
