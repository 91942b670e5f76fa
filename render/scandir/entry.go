package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/render"
)

// Weight returns how many services s6-svscan supervises for a name in the scandir. A service
// directory, or a link to one, counts 1, and its logger 1 more. A name that s6-svscan ignores
// counts 0, but a hidden slot still counts. With an error Weight returns 2, the most that is
// possible.
func (d *Dir) Weight(name string) (int, error) {
	if strings.HasPrefix(name, ".") && !isHidden(name) {
		return 0, nil
	}
	service, err := isDir(d.fd, name, 0)
	logger, lerr := isDir(d.fd, name+"/log", 0)
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

// IsDir reports whether a name in the scandir is a directory, not a link to one.
func (d *Dir) IsDir(name string) (bool, error) { return isDir(d.fd, name, unix.AT_SYMLINK_NOFOLLOW) }

// HasSlot reports whether the service has a slot, visible or hidden.
func (d *Dir) HasSlot(service string) (bool, error) {
	if is, err := d.IsDir(service); is || err != nil {
		return is, err
	}
	return d.IsDir(hiddenName(service))
}

// IsDown reports whether the slot of a service has a down file.
func (d *Dir) IsDown(service string) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, service+"/"+render.DownFile, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil, ignoreMissing(err)
}

// RunChanged returns the time at which the run script of a service was last replaced.
func (d *Dir) RunChanged(service string) (time.Time, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, service+"/run", &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return time.Time{}, fmt.Errorf("looking at %q: %w", service+"/run", err)
	}
	return time.Unix(st.Mtim.Unix()), nil
}

// Live reports whether a supervisor holds the slot or its logger, or may do so soon: a
// visible slot is live while an s6-svscan listens. Live returns an error when it can't look
// at a lock.
func (d *Dir) Live(name string) (bool, error) {
	fd, err := fdio.Open(d.fd, name, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at %q: %w", name, err)
	}
	defer unix.Close(fd)
	return liveAt(fd, d.HasScanner)
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
