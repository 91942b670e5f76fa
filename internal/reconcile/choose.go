package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"slotgen/internal/hint"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// UnreadError says that the scan could not read all of the profiles folder. A profile that it did not
// find may exist.
type UnreadError struct{ error }

// Unwrap returns the error of the scan.
func (e UnreadError) Unwrap() error { return e.error }

// checkOnly returns an error when Only names an unknown profile. With Prune or Explain, Only
// may also name a slot without a profile. With Explain, it may name an entry that is no
// profile.
func (p *planner) checkOnly() error {
	if len(p.Only) == 0 || p.KeepDown {
		return nil
	}
	p.listProfiles()
	for _, name := range p.Only {
		_, err := FindProfile(p.list, name, p.volume)
		_, listed := p.list.Find(name)
		known := p.Explain && listed || (p.Prune || p.Explain) && !listed && p.HasSlot(name)
		if err != nil && !known {
			return err
		}
	}
	return nil
}

// FindProfile returns the entry of that name. It returns an error when there is no such
// entry or it is no profile, and an UnreadError when the scan was incomplete.
func FindProfile(list scan.Listing, name string, volume *scan.Volume) (scan.Entry, error) {
	e, found := list.Find(name)
	if !found && list.Err != nil {
		return e, UnreadError{list.Err}
	}
	if !found {
		advice := cmp.Or(hint.DidYouMean(name, WithSlots(list)), whereProfilesAre(volume))
		return e, hint.Add(fmt.Errorf("unknown profile %q", name), "%s", advice)
	}
	if e.Verdict == scan.Ignored {
		return e, fmt.Errorf("unknown profile %q: %s", name, e.Why)
	}
	return e, nil
}

// whereProfilesAre says which directories are profiles.
func whereProfilesAre(v *scan.Volume) string {
	l, marked := v.Layout(), ""
	if l.Marker != "" {
		marked = " with a " + l.Marker
	}
	return fmt.Sprintf("profiles are the directories%s in %q", marked, filepath.Join(v.Home(), l.Profiles))
}

// WithSlots returns the names of the profiles that get a slot.
func WithSlots(list scan.Listing) []string {
	var names []string
	for _, e := range list.Entries {
		if e.Verdict == scan.Publish {
			names = append(names, e.Profile.Name)
		}
	}
	return names
}

// HasSlot reports whether a profile of that name has a slot, visible or hidden. It reports
// true when the scandir can't be read: there may be a slot.
func (o Options) HasSlot(name string) bool {
	if o.Layout.CheckName(name) != "" {
		return false
	}
	dir, err := scandir.Open(o.Scandir, o.Layout.Prefix)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer dir.Close()
	exists, err := dir.HasSlot(o.Layout.Service(name))
	return exists || err != nil
}
