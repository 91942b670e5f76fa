package scan

import (
	"errors"
	"io"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// dir is an open directory on the volume. Its path, relative to the home, is for messages.
type dir struct {
	fd       int
	path     string
	patience *patience
}

// noDir is none: it has no descriptor, and closing it does nothing.
func noDir() dir { return dir{fd: -1} }

func (d dir) close() { _ = unix.Close(d.fd) }

func (d dir) join(name string) string { return path.Join(d.path, name) }

// unusable says why a file can't be read: it is a FIFO, or too large. That is a finding.
// Any other error of a read decides nothing.
type unusable string

func (u unusable) Error() string { return string(u) }

const (
	leadsNowhere  = unusable("link leads nowhere")
	notFollowable = unusable("link can't be followed")
	notRegular    = unusable("not a regular file")
	notDirectory  = unusable("not a directory")
	tooLarge      = unusable("larger than 1 MiB")
)

// open opens a path below d, through links wherever they lead. The error is
// fs.ErrNotExist, an unusable, or an errno.
func open(d dir, path string, flags int) (fd int, err error) {
	err = d.patience.try(d.join(path), func() (err error) { fd, err = fdio.Follow(d.fd, path, flags); return err })
	switch {
	case errors.Is(err, unix.ENOTDIR):
		err = notDirectory
	case errors.Is(err, unix.ELOOP):
		err = notFollowable
	case errors.Is(err, fs.ErrNotExist) && isLink(d, path):
		err = leadsNowhere
	case errors.Is(err, fs.ErrNotExist):
		err = fs.ErrNotExist
	}
	return fd, err
}

func isLink(d dir, path string) bool {
	st, err := d.lstat(path)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
}

// lstat describes a name in d, and does not follow a link. The error is an errno.
func (d dir) lstat(name string) (unix.Stat_t, error) { return d.stat(name, unix.AT_SYMLINK_NOFOLLOW) }

// id returns the identity of the directory.
func (d dir) id() (id FileID, err error) {
	err = d.patience.try(d.path, func() (err error) { id, err = FileIDAt(d.fd, ""); return err })
	return id, err
}

// names lists a directory that was opened for that.
func (d dir) names() (names []string, err error) {
	repeats := false
	err = d.patience.try(d.path, func() error {
		if repeats { // begin at the first name again
			if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
				return err
			}
		}
		repeats = true
		names, err = fdio.Names(d.fd)
		return err
	})
	return names, err
}

// mayWrite returns an error unless the user may make files in the directory at a path below d.
func (d dir) mayWrite(path string) error {
	return d.patience.try(d.join(path), func() error { return fdio.Access(d.fd, path, unix.W_OK|unix.X_OK) })
}

// stat describes a path below d, as fstatat(2) does with these flags.
func (d dir) stat(path string, flags int) (st unix.Stat_t, err error) {
	err = d.patience.try(d.join(path), func() (err error) { st, err = fdio.Stat(d.fd, path, flags); return err })
	return st, err
}

// openFile opens a regular file for reading. It looks before it opens: to open a device
// may do something.
func openFile(d dir, path string) (int, error) {
	if st, err := d.stat(path, 0); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, notRegular
	}
	return open(d, path, unix.O_RDONLY)
}

// openDir opens the directory at a path below d for calls relative to it. Flags are
// O_RDONLY for a directory that is to be listed, O_PATH otherwise.
func openDir(d dir, path string, flags int) (dir, error) {
	fd, err := open(d, path, flags|unix.O_DIRECTORY)
	if err != nil {
		return noDir(), err
	}
	return dir{fd, d.join(path), d.patience}, nil
}
