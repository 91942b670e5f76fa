// Package fdio opens, reads, lists and renames files below open directories. It is for
// directories that somebody else may change meanwhile: no call follows a link at the
// end of a name or waits for another process, and no read is without a bound.
//
// Each call that a signal interrupts is made again. Errors are bare, for the caller to
// name the file: an errno, or one of the errors of this package.
package fdio

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Errors of Read.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("too large")
)

// again makes a call until no signal interrupts it.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// Open opens name in the open directory dir, and closes it in programs that are started.
// A file that it makes, with O_CREAT, has mode 0600. It never blocks. A link at the end
// of name is ELOOP, or ENOTDIR with O_DIRECTORY, and a socket, or a FIFO that nobody
// reads and that is opened for writing, is ENXIO. On an error the descriptor is -1.
func Open(dir int, name string, flags int) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0o600)
	})
}

// OpenBeneath opens a path as Open does, and each directory on the way too: a link on
// the way is ENOTDIR.
func OpenBeneath(dir int, path string, flags int) (int, error) {
	first, rest, nested := strings.Cut(path, "/")
	if !nested {
		return Open(dir, path, flags)
	}
	sub, err := Open(dir, first, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(sub)
	return OpenBeneath(sub, rest, flags)
}

// Read returns what an open file holds, in the memory of buf where that is enough. Of
// what is no regular file it reads nothing, which is ErrNotRegular. Of a file with more
// than most bytes it returns one byte more than that, and ErrTooLarge.
func Read(fd int, buf []byte, most int) ([]byte, error) {
	buf = buf[:0]
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return buf, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return buf, ErrNotRegular
	}
	// One byte more than the size, so that the usual read is short and meets the end.
	buf = slices.Grow(buf, int(min(st.Size, int64(most)))+1)
	for {
		buf = slices.Grow(buf, 1)
		n, err := ReadAt(fd, buf[len(buf):min(cap(buf), most+1)], int64(len(buf)))
		if err != nil {
			return buf, err
		}
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > most:
			return buf, ErrTooLarge
		case n == 0, int64(len(buf)) == st.Size && len(buf) < cap(buf):
			return buf, nil
		}
	}
}

// ReadAt reads from an open file, from an offset on: some bytes, or none at its end.
func ReadAt(fd int, p []byte, offset int64) (int, error) {
	n, err := again(func() (int, error) { return unix.Pread(fd, p, offset) })
	return max(n, 0), err
}

// maxNames bounds what is read of any directory: it is some ten times the profiles that
// a volume is meant for.
const maxNames = 200_000

// Names returns what is in an open directory, from its beginning on, in no order. After
// an error in the middle, or after 200,000 names, it returns the names that were read,
// and the error.
func Names(dir int) ([]string, error) { return listNames(dir, maxNames) }

func listNames(dir, most int) ([]string, error) {
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	var names []string
	for buf := make([]byte, 4<<10); len(names) <= most; {
		n, err := again(func() (int, error) { return unix.ReadDirent(dir, buf) })
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	return names[:most], fmt.Errorf("more than %d entries, of which the rest is not read", most)
}

// RenameNew renames to a free name. A name that is taken is fs.ErrExist, and what stands
// there is left as it is. File systems that can't tell (NFS among them) get the next best
// calls: a second link for an instant, or for a directory a rename, which replaces
// nothing that holds data either.
func RenameNew(fromDir int, from string, toDir int, to string) error {
	err := unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return renameWithoutFlags(fromDir, from, toDir, to)
	}
	return err
}

func renameWithoutFlags(fromDir int, from string, toDir int, to string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(fromDir, from, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return linkThenUnlink(fromDir, from, toDir, to)
	}
	if unix.Fstatat(toDir, to, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return unix.EEXIST
	}
	return unix.Renameat(fromDir, from, toDir, to)
}

// linkThenUnlink leaves a second link for an instant; link(2) never replaces. That the
// first one is gone by then is no error: another pass may have cleared it.
func linkThenUnlink(fromDir int, from string, toDir int, to string) error {
	if err := unix.Linkat(fromDir, from, toDir, to, 0); err != nil {
		return err
	}
	if err := unix.Unlinkat(fromDir, from, 0); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
