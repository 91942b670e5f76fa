package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/render"
)

// Weight returns how many services s6-svscan supervises for a name in the scandir. A service
// directory, or a link to one, counts 1, and its logger 1 more. A name that s6-svscan ignores
// counts 0, but a hidden slot still counts. With an error Weight returns 2, the most that is
// possible.
func (d *Dir) Weight(name string) (int, error) {
	if strings.HasPrefix(name, ".") && !d.isHidden(name) {
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

// IsSlot reports whether a name in the scandir is a slot: a directory that holds the regular
// file "type". slotgen and the older pass make that file in each slot, and s6 itself makes no
// service directory with it.
func (d *Dir) IsSlot(name string) (bool, error) {
	if is, err := d.IsDir(name); !is || err != nil {
		return false, err
	}
	return hasKind(d.fd, name+"/"+render.TypeFile, unix.AT_SYMLINK_NOFOLLOW, unix.S_IFREG)
}

// errForeign is the error of a directory that has a slot's name and is no slot.
var errForeign = hint.Add(errors.New("it has no file \"type\", so slotgen did not make it"),
	"remove or rename it, and the next pass makes the slot")

// mustHoldMark is IsSlot for the nodes of a directory. It returns errForeign for no slot.
func mustHoldMark(nodes []Node) error {
	isMark := func(n Node) bool { return n.path == render.TypeFile && n.kind == unix.S_IFREG }
	if !slices.ContainsFunc(nodes, isMark) {
		return errForeign
	}
	return nil
}

// HasSlot reports whether the service has a slot, visible or hidden.
func (d *Dir) HasSlot(service string) (bool, error) {
	if is, err := d.IsSlot(service); is || err != nil {
		return is, err
	}
	return d.IsDir(hiddenName(service))
}

// IsDown reports whether the slot of a service has a down file.
func (d *Dir) IsDown(service string) (bool, error) {
	_, err := fdio.Stat(d.fd, service+"/"+render.DownFile, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil, ignoreMissing(err)
}

// RunChanged returns the time at which the run script of a service was last replaced.
func (d *Dir) RunChanged(service string) (time.Time, error) {
	st, err := fdio.Stat(d.fd, service+"/run", unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
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

// ParseHidden reports whether a name in the scandir belongs to a hidden slot, and returns
// the slot's service.
func (d *Dir) ParseHidden(name string) (service string, hidden bool) {
	service, hidden = strings.CutSuffix(name, ".old")
	return strings.TrimPrefix(service, "."), hidden && strings.HasPrefix(name, "."+d.prefix)
}

func (d *Dir) isHidden(name string) bool {
	_, hidden := d.ParseHidden(name)
	return hidden
}

func isDir(fd int, name string, flags int) (bool, error) {
	return hasKind(fd, name, flags, unix.S_IFDIR)
}

// hasKind reports whether a name exists and is a file of a kind, such as S_IFDIR.
func hasKind(fd int, name string, flags int, kind uint32) (bool, error) {
	st, err := fdio.Stat(fd, name, flags)
	switch {
	case err == nil:
		return st.Mode&unix.S_IFMT == kind, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return false, nil
	}
	return false, fmt.Errorf("looking at %q: %w", name, err)
}
