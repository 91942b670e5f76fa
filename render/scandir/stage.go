package scandir

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// stage makes the whole tree under a name that s6-svscan passes over. Until the
// last step nobody but its maker can enter it: owners and modes are set from
// the inside out, so that no part is given away before it is complete.
func (d *Dir) stage(name string, nodes []node) error {
	if err := d.root.RemoveAll(name); err != nil {
		return fmt.Errorf("clearing %q: %w", name, bare(err))
	}
	if err := unix.Mkdirat(d.fd, name, 0o700); err != nil {
		return fmt.Errorf("making %q: %w", name, err)
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("opening %q: %w", name, bare(err))
	}
	defer root.Close()
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("opening %q: %w", name, err)
	}
	defer unix.Close(fd)
	for _, n := range nodes {
		if err := makeNode(root, fd, n); err != nil {
			return fmt.Errorf("making %q: %w", n.path, bare(err))
		}
	}
	for _, n := range slices.Backward(nodes) {
		if n.optional || n.kind == unix.S_IFREG {
			continue
		}
		if err := settle(fd, n); err != nil {
			return fmt.Errorf("setting owner and mode of %q: %w", n.path, chownHint(err))
		}
	}
	return nil
}

// chownHint adds the mend for a root that may not give files away.
func chownHint(err error) error {
	if errors.Is(err, unix.EPERM) {
		return noChown{err}
	}
	return err
}

type noChown struct{ error }

// Hint returns the mend.
func (noChown) Hint() string {
	return "giving a slot to a group needs CAP_CHOWN; --supervise-access root does without"
}

func (e noChown) Unwrap() error { return e.error }

func makeNode(root *os.Root, fd int, n node) error {
	switch {
	case n.optional || n.path == "":
		return nil
	case n.kind == unix.S_IFDIR:
		return unix.Mkdirat(fd, n.path, 0o700)
	case n.kind == unix.S_IFIFO:
		return unix.Mkfifoat(fd, n.path, 0o600)
	}
	return writeFile(root, n)
}

// writeFile writes a file under another name and renames it into place, with
// its owner and then its mode set before.
func writeFile(root *os.Root, n node) (err error) {
	f, err := renameio.NewPendingFile(n.path, renameio.WithRoot(root))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Cleanup()
		}
	}()
	if _, err = f.Write(n.data); err != nil {
		return err
	}
	if err = f.Chown(n.uid, n.gid); err != nil {
		return err
	}
	if err = f.Chmod(os.FileMode(n.mode)); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// settle gives a directory or FIFO of the staged tree its owner and then its
// mode.
func settle(fd int, n node) error {
	path := n.path
	if path == "" {
		path = "."
	}
	if err := unix.Fchownat(fd, path, n.uid, n.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Fchmodat(fd, path, n.mode, 0)
}
