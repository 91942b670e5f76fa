package scandir

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
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
	leave Clearing = iota // the name is no leftover
	Remove
	Restore
	Prune
)

// Leftovers finds the names that killed passes left, in byte order, and changes nothing.
// Keep reports whether a hidden slot of a service gets its name back, where that name is
// free. Where keep is nil, hidden slots are no leftovers. Leftovers returns an error for
// the names that it could not look at, beside the leftovers that it found.
func (d *Dir) Leftovers(keep func(service string) bool) ([]Leftover, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	var all []Leftover
	for _, name := range slices.Sorted(maps.Keys(names)) {
		do, lerr := d.leftover(name, keep)
		if lerr != nil {
			err = errors.Join(err, d.LeftoverError(name, lerr))
		}
		if service, _ := d.ParseHidden(name); do == Restore && names[service] {
			do = Prune
		}
		if do != leave {
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

// Clear removes leftovers or gives them their names back. It calls failed with each error, and
// returns the names that Dir.Prune has to clear.
func (d *Dir) Clear(leftovers []Leftover, failed func(name string, err error)) (prune []string) {
	for _, l := range leftovers {
		var err error
		switch l.Do {
		case Remove:
			err = d.removeAll(l.Name)
		case Restore:
			service, _ := d.ParseHidden(l.Name)
			err = d.renameNew(l.Name, service)
		case Prune:
			prune = append(prune, l.Name)
		case leave:
		}
		if err != nil {
			failed(l.Name, err)
		}
	}
	return prune
}

// LeftoverError returns the error of a leftover that could not be cleared.
func (d *Dir) LeftoverError(name string, err error) error {
	return fmt.Errorf("clearing leftover %+q in scandir %q: %w", name, d.path, err)
}

// Names is the set of names that a scandir held at one time.
type Names map[string]bool

// Names returns the names in the scandir.
func (d *Dir) Names() (Names, error) {
	var list []string
	fd, err := fdio.Open(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err == nil {
		defer unix.Close(fd)
		list, err = fdio.Names(fd)
	}
	if err != nil {
		return nil, fmt.Errorf("listing scandir %q: %w", d.path, err)
	}
	names := make(Names, len(list))
	for _, name := range list {
		names[name] = true
	}
	return names, nil
}

// leftover returns how to clear a name. The older pass staged slots under visible names:
// s6-svscan may supervise them.
func (d *Dir) leftover(name string, keep func(string) bool) (Clearing, error) {
	if service, hidden := d.ParseHidden(name); hidden {
		return d.hiddenSlot(name, service, keep)
	}
	hidden := strings.HasPrefix(name, "."+d.prefix)
	switch {
	case hidden && strings.HasSuffix(name, ".new"):
		return Remove, nil
	case hidden && strings.HasSuffix(name, ".tmp"):
		return d.imagesStage(name)
	case strings.HasPrefix(name, d.prefix) && strings.HasSuffix(name, ".tmp"):
		return Prune, nil
	}
	return leave, nil
}

// hiddenSlot is leftover for a hidden slot. A slot is restored only where keep allows it, the
// slot is not live, and its mark shows that it is whole. Only exchangeByRenames hides a slot
// that has to come back, and that slot is not live. While an s6-svscan listens nothing is
// restored: s6-svscan could start the slot with its previous files.
func (d *Dir) hiddenSlot(name, service string, keep func(string) bool) (Clearing, error) {
	isDir, err := d.IsDir(name)
	switch {
	case err != nil:
		return leave, err
	case !isDir:
		return Prune, nil
	case keep == nil:
		return leave, nil
	}
	live, err := d.Live(name)
	switch {
	case err != nil:
		return leave, err
	case live || !keep(service):
		return Prune, nil
	}
	isSlot, err := d.IsSlot(name)
	switch {
	case err != nil:
		return leave, err
	case isSlot:
		return Restore, nil
	}
	return Prune, nil
}

// imagesStage is leftover for a staging directory of the image's own code.
func (d *Dir) imagesStage(name string) (Clearing, error) {
	st, err := fdio.Stat(d.fd, name, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return leave, ignoreMissing(err)
	}
	if time.Since(time.Unix(st.Mtim.Unix())) < stageAge {
		return leave, nil
	}
	return Remove, nil
}

// removeAll removes a tree and never follows a link. Where a file system is mounted in the
// tree, it removes nothing and returns an error. A missing name is no error.
func (d *Dir) removeAll(name string) error {
	if err := d.mustHoldNoMount(name); err != nil {
		return err
	}
	return scan.Bare(d.root.RemoveAll(name))
}
