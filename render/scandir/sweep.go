package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// stageAge is the age from which a staging directory of the image's own code is a leftover.
// That code does not take slotgen's lock.
const stageAge = time.Minute

// Leftover is a name in the scandir that a killed pass left.
type Leftover struct {
	Name string
	Do   Clearing
}

// Clearing says how a leftover is cleared.
type Clearing int

// The ways to clear. Remove removes a staged slot. Restore gives a hidden slot its name back.
// Prune is for a slot whose service may still run: see Dir.Prune.
const (
	Remove Clearing = iota
	Restore
	Prune
)

// Leftovers finds the names that killed passes left, in byte order, and changes nothing.
// Keep reports whether a hidden slot of a service gets its name back, where that name is
// free. Where keep is nil, hidden slots are no leftovers. Leftovers returns an error for
// the names that it could not look at, beside the leftovers that it found.
func (d *Dir) Leftovers(now time.Time, keep func(service string) bool) ([]Leftover, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	var all []Leftover
	for _, name := range slices.Sorted(maps.Keys(names)) {
		do, isLeftover, lerr := d.leftover(name, now, keep)
		if lerr != nil {
			err = errors.Join(err, d.LeftoverError(name, lerr))
		}
		if service, _ := ParseHidden(name); do == Restore && names[service] {
			do = Prune
		}
		if isLeftover {
			all = append(all, Leftover{name, do})
		}
	}
	return all, err
}

// Service returns the service of the leftover, where the leftover is a slot.
func (l Leftover) Service() string {
	name := strings.TrimPrefix(l.Name, ".")
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// Clear removes a leftover or gives it its name back. It leaves a leftover for Prune alone.
func (d *Dir) Clear(l Leftover) error {
	switch l.Do {
	case Remove:
		return d.removeAll(l.Name)
	case Restore:
		service, _ := ParseHidden(l.Name)
		return d.renameNew(l.Name, service)
	case Prune:
	}
	return nil
}

// LeftoverError returns the error of a leftover that could not be cleared.
func (d *Dir) LeftoverError(name string, err error) error {
	return fmt.Errorf("clearing leftover %+q in scandir %q: %w", name, d.path, err)
}

// Names is the set of names that a scandir held at one time.
type Names map[string]bool

// Free reports whether the service had no slot, neither a visible nor a hidden one. If one
// appears later, publishing still replaces nothing.
func (n Names) Free(service string) bool { return !n[service] && !n[hiddenName(service)] }

// Names returns the names in the scandir.
func (d *Dir) Names() (Names, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("listing scandir %q: %w", d.path, scan.Bare(err))
	}
	names := make(Names, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names, nil
}

// leftover reports whether a name is a leftover, and how to clear it.
func (d *Dir) leftover(name string, now time.Time, keep func(string) bool) (do Clearing, isLeftover bool, err error) {
	if service, hidden := ParseHidden(name); hidden {
		return d.hiddenSlot(name, service, keep)
	}
	hidden := strings.HasPrefix(name, ".gateway-")
	switch {
	case hidden && strings.HasSuffix(name, ".new"):
		return Remove, true, nil
	case hidden && strings.HasSuffix(name, ".tmp"):
		old, err := d.isOld(name, now)
		return Remove, old, err
	}
	return Prune, isVisibleStage(name), nil
}

// isVisibleStage reports whether a name belongs to a slot that the older pass staged.
// s6-svscan sees such a slot.
func isVisibleStage(name string) bool {
	return strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp")
}

// hiddenSlot is leftover for a hidden slot. A slot is restored only where keep allows it and
// the slot is not live. Only swapByTwoRenames hides a slot that has to come back, and that
// slot is not live. While an s6-svscan listens nothing is restored: s6-svscan could start the
// slot with its previous files.
func (d *Dir) hiddenSlot(name, service string, keep func(string) bool) (do Clearing, isLeftover bool, err error) {
	isDir, err := d.IsDir(name)
	switch {
	case err != nil:
		return Prune, false, err
	case !isDir:
		return Prune, true, nil
	case keep == nil:
		return Prune, false, nil
	}
	live, err := d.Live(name)
	switch {
	case err != nil:
		return Prune, false, err
	case !live && keep(service):
		return Restore, true, nil
	}
	return Prune, true, nil
}

// isOld reports whether a staging directory of the image's own code is a leftover.
func (d *Dir) isOld(name string, now time.Time) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, ignoreMissing(err)
	}
	return now.Sub(time.Unix(st.Mtim.Unix())) >= stageAge, nil
}

// removeAll removes a tree and never follows a link. Where a file system is mounted in the
// tree, it removes nothing and returns an error. A missing name is no error.
func (d *Dir) removeAll(name string) error {
	if err := d.mustHoldNoMount(name); err != nil {
		return err
	}
	return scan.Bare(d.root.RemoveAll(name))
}
