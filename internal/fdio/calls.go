package fdio

import "golang.org/x/sys/unix"

// repeat is again for a call that returns only an error.
func repeat(call func() error) error {
	_, err := again(func() (int, error) { return 0, call() })
	return err
}

// Stat describes a name in dir, as fstatat(2) does with these flags.
func Stat(dir int, name string, flags int) (st unix.Stat_t, err error) {
	err = repeat(func() error { return unix.Fstatat(dir, name, &st, flags) })
	return st, err
}

// StatOpen describes an open file.
func StatOpen(fd int) (st unix.Stat_t, err error) {
	err = repeat(func() error { return unix.Fstat(fd, &st) })
	return st, err
}

// Access checks the permissions of a name in dir with the effective credentials.
func Access(dir int, name string, mode uint32) error {
	return repeat(func() error { return unix.Faccessat(dir, name, mode, unix.AT_EACCESS) })
}

// Mkdir makes a directory.
func Mkdir(dir int, name string, mode uint32) error {
	return repeat(func() error { return unix.Mkdirat(dir, name, mode) })
}

// Mkfifo makes a FIFO.
func Mkfifo(dir int, name string, mode uint32) error {
	return repeat(func() error { return unix.Mkfifoat(dir, name, mode) })
}

// Remove removes a name that is no directory.
func Remove(dir int, name string) error {
	return repeat(func() error { return unix.Unlinkat(dir, name, 0) })
}

// Rename renames a name, and replaces to.
func Rename(fromDir int, from string, toDir int, to string) error {
	return repeat(func() error { return unix.Renameat(fromDir, from, toDir, to) })
}

// Exchange swaps two names in dir.
func Exchange(dir int, a, b string) error {
	return repeat(func() error { return unix.Renameat2(dir, a, dir, b, unix.RENAME_EXCHANGE) })
}

// Chown sets the owner of a name, not of what a link leads to.
func Chown(dir int, name string, uid, gid int) error {
	return repeat(func() error { return unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
}

// Chmod sets the mode of a name. It follows links.
func Chmod(dir int, name string, mode uint32) error {
	return repeat(func() error { return unix.Fchmodat(dir, name, mode, 0) })
}

// Lock takes or releases a lock, as flock(2) does.
func Lock(fd, how int) error {
	return repeat(func() error { return unix.Flock(fd, how) })
}

// Write writes once, and returns the number of bytes that were written.
func Write(fd int, data []byte) (int, error) {
	return again(func() (int, error) { return unix.Write(fd, data) })
}

// Sync writes a file to its disk.
func Sync(fd int) error { return repeat(func() error { return unix.Fsync(fd) }) }

// Truncate cuts a file to size.
func Truncate(fd int, size int64) error {
	return repeat(func() error { return unix.Ftruncate(fd, size) })
}
