package reconcile

import (
	"errors"
	"fmt"
	"io/fs"

	"slotgen/internal/hint"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// UnreadError says that the volume could not be read to its end: whether a profile exists
// is unknown.
type UnreadError struct{ error }

// Unwrap returns what could not be read.
func (e UnreadError) Unwrap() error { return e.error }

// checkOnly refuses a pass that is limited to an unknown profile. A slot without a
// profile may be named where the pass prunes, an entry that is no profile where it
// explains.
func (p *planner) checkOnly() error {
	if len(p.Only) == 0 || p.KeepDown {
		return nil
	}
	p.listProfiles()
	for _, name := range p.Only {
		_, err := FindProfile(p.list, name, p.volume.Home())
		_, listed := p.list.Find(name)
		known := p.Explain && listed || p.Prune && !listed && HasSlot(p.Scandir, name)
		if err != nil && !known {
			return err
		}
	}
	return nil
}

// FindProfile returns the entry of that name. The error says that there is none, that
// it is no profile, or, as an UnreadError, that nobody knows.
func FindProfile(list scan.Listing, name, home string) (scan.Entry, error) {
	e, found := list.Find(name)
	if !found && list.Err != nil {
		return e, UnreadError{list.Err}
	}
	if !found {
		err := fmt.Errorf("unknown profile %q", name)
		if near := hint.Nearest(name, WithSlots(list)); near != "" {
			return e, hint.Add(err, "did you mean %q?", near)
		}
		return e, hint.Add(err, "profiles are the directories with a SOUL.md in %q", home+"/profiles")
	}
	if e.Verdict == scan.Ignored {
		return e, fmt.Errorf("unknown profile %q: %s", name, e.Why)
	}
	return e, nil
}

// WithSlots names the profiles that have a slot.
func WithSlots(list scan.Listing) []string {
	var names []string
	for _, e := range list.Entries {
		if e.Verdict == scan.Publish {
			names = append(names, e.Profile.Name)
		}
	}
	return names
}

// HasSlot reports whether a profile of that name has a slot, visible or hidden. Where
// the scandir can't be read it may have one.
func HasSlot(path, name string) bool {
	if scan.CheckName(name) != "" {
		return false
	}
	dir, err := scandir.Open(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer dir.Close()
	exists, err := dir.Entry(scan.ServicePrefix + name).HasSlot()
	return exists || err != nil
}
