package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"slotgen/internal/fdio"
	"slotgen/scan"

	"golang.org/x/sys/unix"
)

// stageAge is how old a staging directory of the image's own code has to be
// before it counts as left behind: that code does not take our lock.
const stageAge = time.Minute

// Sweep clears what killed passes left. Staged slots are removed. A slot that was
// moved aside gets its name back when that is free, the service is wanted, having a
// profile and not being told to go, and nobody supervises the scandir; it stays hidden
// where wanted is nil and nobody knows. Staging directories of the image's own code go
// when they are old. What has to end first is returned for Prune: that finishes a prune
// that was killed, too. The warnings are of what could not be cleared.
func (d *Dir) Sweep(now time.Time, wanted func(service string) bool) (leftovers, warnings []string) {
	names, err := d.Names()
	if err != nil {
		return nil, []string{err.Error()}
	}
	return d.sweepEach(slices.Sorted(maps.Keys(names)), now, wanted)
}

// SweepSlot clears what killed passes left of one slot, as Sweep does, and nothing
// else: it is for a directory that is not slotgen's own.
func (d *Dir) SweepSlot(service string) (leftovers, warnings []string) {
	names, err := d.Names()
	if err != nil {
		return nil, []string{err.Error()}
	}
	left := []string{stagedName(service), hiddenName(service)}
	left = slices.DeleteFunc(left, func(name string) bool { return !names[name] })
	return d.sweepEach(left, time.Now(), func(string) bool { return true })
}

func (d *Dir) sweepEach(names []string, now time.Time, wanted func(string) bool) (leftovers, warnings []string) {
	for _, name := range names {
		ends, err := d.sweep(name, now, wanted)
		if err != nil {
			warnings = append(warnings, d.LeftoverWarning(name, err))
		}
		if ends {
			leftovers = append(leftovers, name)
		}
	}
	return leftovers, warnings
}

// LeftoverWarning says that a leftover could not be cleared.
func (d *Dir) LeftoverWarning(name string, err error) string {
	return fmt.Sprintf("clearing leftover %+q in scandir %q: %s", name, d.path, err)
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

// sweep clears one name, or says that what stands there has to end first.
func (d *Dir) sweep(name string, now time.Time, wanted func(string) bool) (ends bool, err error) {
	if service, aside := ParseHidden(name); aside {
		return d.sweepHidden(name, service, wanted)
	}
	hidden := strings.HasPrefix(name, ".gateway-")
	switch {
	case hidden && strings.HasSuffix(name, ".new"):
		return false, d.removeAll(name)
	case hidden && strings.HasSuffix(name, ".tmp"):
		return false, d.sweepOld(name, now)
	}
	return isStage(name), nil
}

// isStage tells of a name whether the older pass staged a slot there, for s6-svscan to
// see.
func isStage(name string) bool {
	return strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp")
}

// Abandoned tells whether a name is what a killed prune or the older pass left and no
// supervisor holds: a Sweep and a Prune clear it. What can't be asked is not.
func (d *Dir) Abandoned(name string) bool {
	if !isStage(name) && !isHidden(name) {
		return false
	}
	held, err := d.held(name)
	return !held && err == nil
}

// sweepHidden brings back only what is not known to be leaving and what nobody
// supervises: the fallback, which moves a slot aside for an instant, is for slots
// that are not live. Under an s6-svscan it could come up with what it held before.
func (d *Dir) sweepHidden(name, service string, wanted func(string) bool) (ends bool, err error) {
	isDir, err := d.IsServiceDir(name)
	if !isDir || err != nil {
		return err == nil, err
	}
	if wanted == nil {
		return false, nil
	}
	live, err := d.Live(name)
	if live || err != nil {
		return live, err
	}
	if wanted(service) {
		err := d.renameNew(name, service)
		if !errors.Is(err, fs.ErrExist) {
			return false, err
		}
	}
	return true, nil
}

func (d *Dir) sweepOld(name string, now time.Time) error {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return ignoreMissing(err)
	}
	if now.Sub(time.Unix(st.Mtim.Unix())) < stageAge {
		return nil
	}
	return d.removeAll(name)
}

// removeAll never follows a link, and leaves all as it is where a file system is mounted;
// a name that is already gone is no error.
func (d *Dir) removeAll(name string) error {
	if err := d.mustHoldNoMount(name); err != nil {
		return err
	}
	return scan.Bare(d.root.RemoveAll(name))
}
