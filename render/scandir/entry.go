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

// Entry is one name in a scandir, which may be free. Its methods look at the present state
// and change nothing.
type Entry struct {
	dir  *Dir
	name string
}

// Entry returns the entry of a name.
func (d *Dir) Entry(name string) Entry { return Entry{d, name} }

// Weight returns how many services s6-svscan supervises for the entry. A service directory,
// or a link to one, counts 1, and its logger 1 more. A name that s6-svscan ignores counts 0,
// but a hidden slot still counts. With an error Weight returns 2, the most that is possible.
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
// do so soon: a visible slot is live while an s6-svscan listens. Live returns an error when
// it can't look at a lock.
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

// Abandoned reports whether a killed prune or the older pass left the entry, and no
// supervisor holds it. The next pass removes such an entry. Abandoned returns false when it
// can't look at a lock.
func (e Entry) Abandoned() bool {
	if !isVisibleStage(e.name) && !isHidden(e.name) {
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
