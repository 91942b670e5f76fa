// Package scandir is the directory that s6-svscan looks at: it stages slots
// beside the published ones and moves them into place whole, and asks whether a
// supervisor stands behind one.
//
// Facts on s6 that the package relies on: s6-svscan passes over names that
// begin with a dot; it knows a service by device and inode, so a directory that
// changes its name under a running supervisor makes the service run twice; a
// supervisor holds an fcntl lock on supervise/lock.
package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// Dir is an open scandir. Everything below it is reached from its descriptor, and no
// link at the end of a path is followed, but by Entry.Weight, which counts as s6-svscan does.
type Dir struct {
	path string
	root *os.Root
	fd   int
	lock *os.File
	// scanner is what HasScanner last answered to listens.
	scanner atomic.Pointer[bool]
}

// Open opens the scandir at path.
func Open(path string) (*Dir, error) {
	root, err := scan.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening scandir %q: %w", path, err)
	}
	top, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening scandir %q: %w", path, scan.Bare(err)), root.Close())
	}
	defer top.Close()
	fd, err := unix.FcntlInt(top.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening scandir %q: %w", path, err), root.Close())
	}
	return &Dir{path: path, root: root, fd: fd}, nil
}

// FD returns the scandir's descriptor, which d keeps.
func (d *Dir) FD() int { return d.fd }

// Make makes the scandir with mode 0755 where it is missing, parents too.
func Make(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("making scandir %q: %w", path, scan.Bare(err))
	}
	// Not with a chmod afterwards: a kill in between would leave the umask's mode.
	defer unix.Umask(unix.Umask(0))
	err = os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.Mkdir(path, 0o755)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making scandir %q: %w", path, scan.Bare(err))
	}
	return nil
}

// Close gives up the lock, if it is held, and the descriptors.
func (d *Dir) Close() error {
	return errors.Join(d.unlock(), unix.Close(d.fd), d.root.Close())
}
