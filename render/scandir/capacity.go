package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"slotgen/render"

	"golang.org/x/sys/unix"
)

// Weight returns how many services s6-svscan supervises for a name in the
// scandir: 1 for a service directory, links to one too, 2 with its logger, and 0
// for what it passes over. What a prune left hidden still counts. What can't be
// asked is an error, and counts as much as a service can.
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

// IsServiceDir tells whether a name in the scandir is a directory, not a link to
// one.
func (d *Dir) IsServiceDir(name string) (bool, error) {
	return isDir(d.fd, name, unix.AT_SYMLINK_NOFOLLOW)
}

// Stands tells whether a service has a slot, or one that a prune has hidden.
func (d *Dir) Stands(service string) (bool, error) {
	for _, name := range []string{service, hiddenName(service)} {
		if isDir, err := d.IsServiceDir(name); isDir || err != nil {
			return isDir, err
		}
	}
	return false, nil
}

// IsDown tells whether the slot of a service has a down file.
func (d *Dir) IsDown(service string) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, service+"/"+render.DownFile, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil, ignoreMissing(err)
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

// Retire removes the slot of a service, unless it is live: then it stays, and
// that is an error.
func (d *Dir) Retire(service string) error {
	if err := d.mustNotLive(service); err != nil {
		return err
	}
	return d.discard(service, service)
}

// discard removes what stands under a name. First it gets the name of a staged
// slot: under its own, and aside, what is half removed could be taken for a slot.
func (d *Dir) discard(name, service string) error {
	doomed := stagedName(service)
	err := d.mustHoldNoMount(name)
	if err == nil {
		err = d.removeAll(doomed)
	}
	if err == nil {
		err = ignoreMissing(d.rename(name, doomed))
	}
	if err == nil {
		err = d.removeAll(doomed)
	}
	if err != nil {
		return fmt.Errorf("removing %q: %w", name, err)
	}
	return nil
}
