package scan

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// dir is an open directory on the volume. Its path, relative to the home, is
// used in messages and to let os.Root follow a link that was met below it.
type dir struct {
	fd   int
	path string
}

// noDir is none: it has no descriptor, and closing it does nothing.
func noDir() dir { return dir{fd: -1} }

func (d dir) close() { _ = unix.Close(d.fd) }

func (d dir) join(name string) string { return path.Join(d.path, name) }

// unusable says in what way a file is none that can be read: a FIFO, a link
// that leads outside, too large. It is a finding, where any other error of a
// read is the lack of one.
type unusable string

func (u unusable) Error() string { return string(u) }

const (
	leadsOutside = unusable("link leads outside the home")
	leadsNowhere = unusable("link leads nowhere")
	notRegular   = unusable("not a regular file")
	notDirectory = unusable("not a directory")
	tooLarge     = unusable("larger than 1 MiB")
)

// open opens name, which may have several elements, below d without following a
// link; where one is in the way, os.Root decides whether it stays inside.
// The error is fs.ErrNotExist, an unusable, or an errno.
func (v *Volume) open(d dir, name string, flags int) (int, error) {
	fd, err := fdio.OpenBeneath(d.fd, name, flags)
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, fs.ErrNotExist):
		return -1, fs.ErrNotExist
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.EACCES) && isSpecial(d, name):
		return -1, notRegular
	case !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR):
		return -1, err
	}
	fd, err = openRooted(v.root, d.join(name), flags)
	if errors.Is(err, unix.ENOTDIR) {
		return -1, notDirectory
	}
	return fd, err
}

// isSpecial tells whether name, directly in d, is a device, FIFO or socket: a
// volume mounted with nodev refuses to open a device, to root too.
func isSpecial(d dir, name string) bool {
	var st unix.Stat_t
	if strings.Contains(name, "/") || unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
		return false
	}
	return true
}

// openRooted opens a path below root, through links that stay inside, and
// returns a raw descriptor.
func openRooted(root *os.Root, rel string, flags int) (int, error) {
	f, err := root.OpenFile(rel, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, followError(err)
	}
	defer f.Close()
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// followError tells a link that leaves the home, which os.Root reports without
// an errno, from one that ends nowhere and from a failing system call.
func followError(err error) error {
	var errno unix.Errno
	switch {
	case !errors.As(err, &errno):
		return leadsOutside
	case errno == unix.ENOENT, errno == unix.ELOOP:
		return leadsNowhere
	case errno == unix.ENXIO:
		return notRegular
	}
	return errno
}

// openDir opens the directory name below d for calls relative to it. Flags are
// O_RDONLY for a directory that is to be listed, O_PATH otherwise.
func (v *Volume) openDir(d dir, name string, flags int) (dir, error) {
	fd, err := v.open(d, name, flags|unix.O_DIRECTORY)
	if err != nil {
		return noDir(), err
	}
	return dir{fd: fd, path: d.join(name)}, nil
}
