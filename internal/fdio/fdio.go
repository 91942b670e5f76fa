// Package fdio opens, reads, lists and renames files below open directories. Other processes
// may change these directories at the same time. No function follows a link at the end of a
// name, or waits for another process. Every read has a bound.
//
// The functions repeat a call that a signal interrupts. Their errors do not name the file:
// they are an errno, or one of the errors of this package.
package fdio

import (
	"errors"
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

// again repeats a call until no signal interrupts it.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// Open opens name in the open directory dir, with O_CLOEXEC. It never blocks. With O_CREAT it
// makes a file of mode 0600.
//
// For a link at the end of name the error is ELOOP, or ENOTDIR with O_DIRECTORY. For a socket
// it is ENXIO, and also for writing to a FIFO that no process reads. With an error the
// descriptor is -1.
func Open(dir int, name string, flags int) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0o600)
	})
}

// Create opens name as Open does, and makes it with that mode where it is missing. The
// umask counts.
func Create(dir int, name string, flags int, mode uint32) (int, error) {
	return again(func() (int, error) {
		return unix.Openat(dir, name, flags|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, mode)
	})
}

// OpenStraight opens a path through no link, in one call. Without openat2(2) the error is ENOSYS, or
// EPERM where a filter refuses it.
func OpenStraight(dir int, path string, flags int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_NO_SYMLINKS}
	return again(func() (int, error) { return unix.Openat2(dir, path, &how) })
}

// ReadLink returns the text of a link. For anything else of that name the error is EINVAL.
func ReadLink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := again(func() (int, error) { return unix.Readlinkat(dir, name, buf) })
	return string(buf[:max(n, 0)]), err
}

// IsProc reports whether an open directory belongs to a proc file system.
func IsProc(dir int) bool {
	var st unix.Statfs_t
	err := repeat(func() error { return unix.Fstatfs(dir, &st) })
	return err == nil && st.Type == unix.PROC_SUPER_MAGIC
}

// Follow opens a path as Open does, through links wherever they lead. Where the kernel can
// refuse links like /proc/self/fd/3, it does, with ELOOP (openat2(2), RESOLVE_NO_MAGICLINKS). It
// is not for O_PATH.
func Follow(dir int, path string, flags int) (int, error) {
	flags |= unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	how := unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_NO_MAGICLINKS}
	fd, err := again(func() (int, error) { return unix.Openat2(dir, path, &how) })
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // as for OpenStraight
		return again(func() (int, error) { return unix.Openat(dir, path, flags, 0) })
	}
	return fd, err
}

// OpenBeneath opens a path, one element after the other, as Open does. For a link before the
// last element the error is ENOTDIR.
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

// Read returns the contents of an open file. It reads only regular files: otherwise the error is
// ErrNotRegular. If the file holds more than most bytes, Read returns the first most+1 bytes and
// ErrTooLarge.
func Read(fd, most int) ([]byte, error) {
	st, err := StatOpen(fd)
	if err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, ErrNotRegular
	}
	return ReadSized(fd, st.Size, most)
}

// ReadSized is Read for a regular file whose size was just asked for.
func ReadSized(fd int, size int64, most int) ([]byte, error) {
	// Ask for one byte more than the size: then the usual read is short, and shows the end.
	buf := make([]byte, 0, min(size, int64(most))+1)
	for {
		buf = slices.Grow(buf, 1)
		n, err := again(func() (int, error) {
			return unix.Pread(fd, buf[len(buf):min(cap(buf), most+1)], int64(len(buf)))
		})
		if err != nil {
			return buf, err
		}
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > most:
			return buf, ErrTooLarge
		case n == 0, int64(len(buf)) == size && len(buf) < cap(buf):
			return buf, nil
		}
	}
}

// RenameNew renames to a free name. If the name is taken, it changes nothing and returns
// fs.ErrExist.
//
// Some file systems, such as NFS, have no such rename, and some seccomp profiles refuse it.
// There a file gets a second link for an instant. A directory gets a plain rename after a check,
// which may replace only an empty directory.
func RenameNew(fromDir int, from string, toDir int, to string) error {
	err := repeat(func() error { return unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_NOREPLACE) })
	if HasNoRenameFlags(err) {
		return renameWithoutFlags(fromDir, from, toDir, to)
	}
	return err
}

// HasNoRenameFlags reports whether an error of RenameNew or Exchange may mean that the file system
// or the kernel has no such rename. A seccomp profile answers EPERM to calls that it does not know.
func HasNoRenameFlags(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM)
}

func renameWithoutFlags(fromDir int, from string, toDir int, to string) error {
	st, err := Stat(fromDir, from, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return linkThenUnlink(fromDir, from, toDir, to)
	}
	if _, err := Stat(toDir, to, unix.AT_SYMLINK_NOFOLLOW); err == nil {
		return unix.EEXIST
	}
	return Rename(fromDir, from, toDir, to)
}

// linkThenUnlink makes a second link, which never replaces a file, and removes the first one.
// A missing first link is no error: another pass may have removed it.
func linkThenUnlink(fromDir int, from string, toDir int, to string) error {
	if err := repeat(func() error { return unix.Linkat(fromDir, from, toDir, to, 0) }); err != nil {
		return err
	}
	if err := Remove(fromDir, from); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
