// Package scandir changes the directory that s6-svscan scans. It compares, stages, publishes
// and prunes slots, and asks whether a supervisor holds one.
//
// The package relies on these facts about s6. s6-svscan ignores names that begin with a dot.
// It knows a service by device and inode: a directory that is renamed under a running
// supervisor makes the service run twice. A supervisor holds an fcntl lock on
// supervise/lock.
package scandir

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/scan"
)

// Dir is an open scandir. Its methods reach everything from its descriptor, and follow no link
// at the end of a path. Only Weight follows links, because s6-svscan does.
type Dir struct {
	path    string
	prefix  string // of the names of slots
	root    *os.Root
	top     *os.File
	fd      int // of top
	lock    *os.File
	scanner atomic.Pointer[bool] // the first answer of HasScanner
	modes   modeCheck
	foreign bool // opened by OpenToLook, and another account's
}

// Open opens the scandir at path. Prefix begins the names of its slots.
func Open(path, prefix string) (*Dir, error) {
	root, err := scan.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening scandir %q: %w", path, err)
	}
	top, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening scandir %q: %w", path, scan.Bare(err)), root.Close())
	}
	return &Dir{path: path, prefix: prefix, root: root, top: top, fd: int(top.Fd())}, nil
}

// OpenToLook opens a scandir in which the caller changes nothing. When it belongs to root and
// slotgen is not root, HasScanner reports true where slotgen may not ask: only an s6-svscan makes
// its control.
func OpenToLook(path, prefix string) (*Dir, error) {
	d, err := Open(path, prefix)
	if err != nil {
		return nil, err
	}
	st, err := fdio.StatOpen(d.fd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening scandir %q: %w", path, err), d.Close())
	}
	d.foreign = os.Geteuid() != 0 && st.Uid == 0
	return d, nil
}

// realPath returns the absolute path of the scandir, without links.
func (d *Dir) realPath() (string, error) { return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd)) }

// FD returns the scandir's descriptor. It is valid until Close.
func (d *Dir) FD() int { return d.fd }

// Make makes the scandir with mode 0755, and its parents, where they are missing.
func Make(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	// A later chmod would not do: a kill before it would leave a mode that the umask reduced.
	defer unix.Umask(unix.Umask(0))
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("making scandir %q: %w", path, scan.Bare(err))
	}
	return nil
}

// Close releases the lock, if it is held, and closes the descriptors.
func (d *Dir) Close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
	}
	return errors.Join(err, d.top.Close(), d.root.Close())
}
