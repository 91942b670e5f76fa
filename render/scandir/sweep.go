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

// stageAge is how old a staging directory of the image's own code has to be
// before it counts as left behind: that code does not take our lock.
const stageAge = time.Minute

// Leftover is what a killed pass left under a name in the scandir.
type Leftover struct {
	Name string
	Do   Clearing
}

// Clearing says how a leftover is cleared.
type Clearing int

// The ways. Remove is for staged slots, Restore for a hidden slot that gets its name back,
// Prune for what may still run: see Dir.Prune.
const (
	Remove Clearing = iota
	Restore
	Prune
)

// Leftovers finds what killed passes left, in byte order, and changes nothing. Keep
// reports whether a hidden slot of a service is to get its name back where that is free;
// where keep is nil nobody knows, and hidden slots are no leftovers. The error is about
// what could not be looked at.
func (d *Dir) Leftovers(now time.Time, keep func(service string) bool) ([]Leftover, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	var all []Leftover
	for _, name := range slices.Sorted(maps.Keys(names)) {
		do, isLeft, lerr := d.leftover(name, now, keep)
		if lerr != nil {
			err = errors.Join(err, d.LeftoverError(name, lerr))
		}
		if service, _ := ParseHidden(name); do == Restore && names[service] {
			do = Prune
		}
		if isLeft {
			all = append(all, Leftover{name, do})
		}
	}
	return all, err
}

// Service returns the service that the leftover is of, where it is a slot's.
func (l Leftover) Service() string {
	name := strings.TrimPrefix(l.Name, ".")
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// Clear removes a leftover or gives it its name back. One that is for Prune stays.
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

// LeftoverError says that a leftover could not be cleared.
func (d *Dir) LeftoverError(name string, err error) error {
	return fmt.Errorf("clearing leftover %+q in scandir %q: %w", name, d.path, err)
}

// Names are those that stood in a scandir at one time.
type Names map[string]bool

// Free tells whether a service had no slot then, not even one that was moved
// aside. What comes later meets a rename that replaces nothing.
func (n Names) Free(service string) bool { return !n[service] && !n[hiddenName(service)] }

// Names lists what the scandir holds.
func (d *Dir) Names() (Names, error) {
	list, err := d.list()
	if err != nil {
		return nil, fmt.Errorf("listing scandir %q: %w", d.path, err)
	}
	names := make(Names, len(list))
	for _, name := range list {
		names[name] = true
	}
	return names, nil
}

func (d *Dir) list() ([]string, error) {
	fd, err := fdio.Open(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return fdio.Names(fd)
}

// leftover decides what is to be done with one name, if anything.
func (d *Dir) leftover(name string, now time.Time, keep func(string) bool) (do Clearing, isLeft bool, err error) {
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
	return Prune, isStage(name), nil
}

// isStage tells of a name whether the older pass staged a slot there, for s6-svscan to
// see.
func isStage(name string) bool {
	return strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp")
}

// hiddenSlot decides about a slot that was hidden. It gets its name back only where it is
// kept and nobody supervises it: the fallback that hides a slot for an instant is for
// slots that are not live. An s6-svscan could start it with what it held before.
func (d *Dir) hiddenSlot(name, service string, keep func(string) bool) (do Clearing, isLeft bool, err error) {
	isDir, err := d.Entry(name).IsDir()
	switch {
	case err != nil:
		return Prune, false, err
	case !isDir:
		return Prune, true, nil
	case keep == nil:
		return Prune, false, nil
	}
	live, err := d.Entry(name).Live()
	switch {
	case err != nil:
		return Prune, false, err
	case !live && keep(service):
		return Restore, true, nil
	}
	return Prune, true, nil
}

// isOld reports whether a staging directory of the image's own code is left behind.
func (d *Dir) isOld(name string, now time.Time) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, ignoreMissing(err)
	}
	return now.Sub(time.Unix(st.Mtim.Unix())) >= stageAge, nil
}

// removeAll never follows a link, and leaves all as it is where a file system is mounted;
// a name that is already gone is no error.
func (d *Dir) removeAll(name string) error {
	if err := d.mustHoldNoMount(name); err != nil {
		return err
	}
	return scan.Bare(d.root.RemoveAll(name))
}
