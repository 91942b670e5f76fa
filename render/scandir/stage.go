package scandir

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/scan"
)

// stage makes the whole tree under a name that s6-svscan ignores. Until the last step only
// slotgen's own user can enter it. stage sets owners and modes from the inside out: no other
// user gets a part before that part is complete.
func (d *Dir) stage(name string, nodes []Node) error {
	if err := d.mkdirEmpty(name); err != nil {
		return fmt.Errorf("making %q: %w", name, err)
	}
	s, err := d.openStager(name)
	if err != nil {
		return fmt.Errorf("opening %q: %w", name, err)
	}
	defer s.close()
	made, err := fdio.StatOpen(s.fd)
	if err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	s.made = &made
	return s.fill(nodes)
}

// mkdirEmpty makes an empty directory with mode 0700, in place of an old one.
func (d *Dir) mkdirEmpty(name string) error {
	err := fdio.Mkdir(d.fd, name, 0o700)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := d.removeAll(name); err != nil {
		return err
	}
	return fdio.Mkdir(d.fd, name, 0o700)
}

// stager makes nodes below one directory.
type stager struct {
	root *os.Root
	fd   int
	// made describes the new directory: files made in it have its owner from the start.
	// It is nil where the directory is not new.
	made  *unix.Stat_t
	modes *modeCheck
}

// openStager opens the directory name.
func (d *Dir) openStager(name string) (*stager, error) {
	fd, err := fdio.Open(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		unix.Close(fd)
		return nil, scan.Bare(err)
	}
	return &stager{root: root, fd: fd, modes: &d.modes}, nil
}

func (s *stager) close() {
	unix.Close(s.fd)
	_ = s.root.Close()
}

func (s *stager) fill(nodes []Node) error {
	for _, n := range nodes {
		if err := s.make(n); err != nil {
			return fmt.Errorf("making %q: %w", n.path, makeHint(n, scan.Bare(err)))
		}
	}
	for _, n := range slices.Backward(nodes) {
		if n.optional || n.kind == unix.S_IFREG {
			continue
		}
		if err := s.setOwnerAndMode(n); err != nil {
			return fmt.Errorf("setting owner and mode of %q: %w", cmp.Or(n.path, "."), chownHint(err))
		}
	}
	return nil
}

// makeHint adds a hint to an error of make. To make a file includes a chown.
func makeHint(n Node, err error) error {
	if n.kind != unix.S_IFIFO {
		return chownHint(err)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		return hint.Add(err, "the file system of the scandir has no FIFOs, and s6 needs them: mount a tmpfs there")
	}
	return err
}

// chownHint adds a hint to the error of a root that may not give files away.
func chownHint(err error) error {
	switch {
	case errors.Is(err, unix.EINVAL):
		return hint.Add(err, "this user namespace does not map the user or its group: map their ids, or use --supervise-access root")
	case errors.Is(err, unix.EPERM):
		return hint.Add(err, "giving a slot to a group needs CAP_CHOWN, to its user CAP_FOWNER too; --supervise-access root needs neither")
	}
	return err
}

func (s *stager) make(n Node) error {
	switch {
	case n.optional || n.path == "":
		return nil
	case n.kind == unix.S_IFDIR:
		return fdio.Mkdir(s.fd, n.path, 0o700)
	case n.kind == unix.S_IFIFO:
		return fdio.Mkfifo(s.fd, n.path, 0o600)
	}
	return s.write(n)
}

// write writes a file under a temporary name, sets its owner and then its mode, and renames
// it into place.
func (s *stager) write(n Node) error {
	root, dir, name := s.root, path.Dir(n.path), path.Base(n.path)
	if dir != "." {
		// A rename from one directory to another takes a lock of the whole file system.
		below, err := s.root.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer below.Close()
		root = below
	}
	f, err := renameio.NewPendingFile(name, renameio.WithRoot(root))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // it does nothing once the file has its name
	if len(n.Data) > 0 {
		if _, err := f.Write(n.Data); err != nil {
			return err
		}
	}
	if s.isForeign(n) {
		if err := f.Chown(n.UID, n.GID); err != nil {
			return err
		}
	}
	if err := f.Chmod(os.FileMode(n.Mode)); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	s.modes.look(s.fd, n.path, n.Mode)
	return nil
}

// isForeign reports whether n needs a chown.
func (s *stager) isForeign(n Node) bool {
	return s.made == nil || uint32(n.UID) != s.made.Uid || uint32(n.GID) != s.made.Gid
}

// setOwnerAndMode gives a directory or FIFO its owner and then its mode.
func (s *stager) setOwnerAndMode(n Node) error {
	name := cmp.Or(n.path, ".")
	if s.isForeign(n) {
		if err := fdio.Chown(s.fd, name, n.UID, n.GID); err != nil {
			return err
		}
	}
	if err := fdio.Chmod(s.fd, name, n.Mode); err != nil {
		return err
	}
	s.modes.look(s.fd, name, n.Mode)
	return s.mustHaveGroupBit(name, n.Mode)
}

// mustHaveGroupBit returns an error where the set-group-ID bit is missing. The kernel drops
// that bit without an error when the process is not in the group and lacks CAP_FSETID.
func (s *stager) mustHaveGroupBit(name string, mode uint32) error {
	if mode&unix.S_ISGID == 0 {
		return nil
	}
	st, err := fdio.Stat(s.fd, name, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_ISGID == 0 {
		err = hint.Add(errors.New("the set-group-ID bit is not taken"), "it needs CAP_FSETID; --supervise-access group does without")
	}
	return err
}
