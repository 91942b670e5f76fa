package scan

import (
	"errors"
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
	isLinked bool // it was found through a link, so it may have other names
}

// noDir is none: it has no descriptor, and closing it does nothing.
func noDir() dir { return dir{fd: -1} }

func (d dir) close() { _ = unix.Close(d.fd) }

func (d dir) join(name string) string { return path.Join(d.path, name) }

// unusable says why a file can't be used: it is a FIFO, or too large, or holds nothing usable. That is
// a finding. Any other error of a read decides nothing.
type unusable string

func (u unusable) Error() string { return string(u) }

const (
	leadsNowhere  = unusable("link leads nowhere")
	notFollowable = unusable("link can't be followed")
	notRegular    = unusable("not a regular file")
	notDirectory  = unusable("not a directory")
)

// openDir opens the directory at a path below d for calls relative to it, through links wherever
// they lead. Flags are O_RDONLY for a directory that is to be listed, O_PATH otherwise. The error is
// fs.ErrNotExist, an unusable, or an errno.
func openDir(d dir, path string, flags int) (dir, error) {
	to := dir{-1, d.join(path), d.patience, d.isLinked}
	err := d.patience.try(to.path, func() error {
		w, err := d.follow(path, func(w *walk, name string) (err error) {
			to.fd, err = fdio.Open(w.at, name, flags|unix.O_DIRECTORY)
			return err
		})
		to.isLinked = d.isLinked || w.links > 0
		return w.explain(err)
	})
	if err != nil {
		return noDir(), err
	}
	return to, nil
}

// explain returns the error of a walk as one that says what is wrong with the path.
func (w walk) explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return notDirectory
	case errors.Is(err, unix.ELOOP):
		return notFollowable
	case errors.Is(err, fs.ErrNotExist) && w.lastIsLink:
		return leadsNowhere
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	}
	return err
}

// lstat describes a name in d, and does not follow a link. The error is an errno.
func (d dir) lstat(name string) (st unix.Stat_t, err error) {
	err = d.patience.try(d.join(name), func() (err error) {
		st, err = fdio.Stat(d.fd, name, unix.AT_SYMLINK_NOFOLLOW)
		return err
	})
	return st, err
}

// id returns the identity of the directory.
func (d dir) id() (id FileID, err error) {
	err = d.patience.try(d.path, func() (err error) { id, err = FileIDAt(d.fd, ""); return err })
	return id, err
}

// FileID identifies a file or directory, whatever its name. The zero FileID identifies none.
type FileID struct{ dev, ino uint64 }

// FileIDAt returns the FileID of a name in the open directory fd, or of fd itself when the
// name is empty. It does not follow a link.
func FileIDAt(fd int, name string) (FileID, error) {
	st, err := fdio.Stat(fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
	if err != nil {
		return FileID{}, err
	}
	return FileID{st.Dev, st.Ino}, nil
}
