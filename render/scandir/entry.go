package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/render"
)

// Entry is one name in a scandir, which may be free. Its methods ask what is there now and
// change nothing.
type Entry struct {
	dir  *Dir
	name string
}

// Entry returns the entry of a name.
func (d *Dir) Entry(name string) Entry { return Entry{d, name} }

// Weight returns how many services s6-svscan supervises for the entry: 1 for a service
// directory or a link to one, 2 with its logger, and 0 for what s6-svscan does not see.
// A hidden slot still counts. What can't be asked is an error, and counts as much as a
// service can.
func (e Entry) Weight() (int, error) {
	if strings.HasPrefix(e.name, ".") && !isHidden(e.name) {
		return 0, nil
	}
	service, err := isDir(e.dir.fd, e.name, 0)
	logger, lerr := isDir(e.dir.fd, e.name+"/log", 0)
	switch {
	case err != nil || lerr != nil:
		return 2, errors.Join(err, lerr)
	case !service:
		return 0, nil
	case logger:
		return 2, nil
	}
	return 1, nil
}

// IsDir reports whether the entry is a directory, not a link to one.
func (e Entry) IsDir() (bool, error) { return isDir(e.dir.fd, e.name, unix.AT_SYMLINK_NOFOLLOW) }

// HasSlot reports whether the service of that name has a slot, visible or hidden.
func (e Entry) HasSlot() (bool, error) {
	if is, err := e.IsDir(); is || err != nil {
		return is, err
	}
	return e.dir.Entry(hiddenName(e.name)).IsDir()
}

// IsDown reports whether the service directory has a down file.
func (e Entry) IsDown() (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(e.dir.fd, e.name+"/"+render.DownFile, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil, ignoreMissing(err)
}

// Live reports whether a supervisor holds the service directory or its logger's, or may
// do so soon: a visible slot is live while an s6-svscan listens. A lock that can't be
// asked is an error, never a no.
func (e Entry) Live() (bool, error) {
	fd, err := fdio.Open(e.dir.fd, e.name, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at %q: %w", e.name, err)
	}
	defer unix.Close(fd)
	return liveAt(fd, e.dir.HasScanner)
}

// Abandoned reports whether a killed prune or the older pass left the entry and no
// supervisor holds it: the next pass removes it. What can't be asked is not.
func (e Entry) Abandoned() bool {
	if !isStage(e.name) && !isHidden(e.name) {
		return false
	}
	held, err := e.dir.held(e.name)
	return !held && err == nil
}

func isDir(fd int, name string, flags int) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(fd, name, &st, flags)
	switch {
	case err == nil:
		return st.Mode&unix.S_IFMT == unix.S_IFDIR, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return false, nil
	}
	return false, fmt.Errorf("looking at %q: %w", name, err)
}
