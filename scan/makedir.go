package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// makeDir makes the directory name in d with mode 0755: in a directory that only we can
// enter, given to its owner there, then moved into place. Whoever owns d may put another
// directory of ours under any name in d, but not under one in there. What is left is for
// clearShut.
func makeDir(d dir, name string, owner Owner) error {
	tmp := tempName(name)
	if err := unix.Mkdirat(d.fd, tmp, 0o700); err != nil {
		return tempError(d, tmp, err)
	}
	shut, err := openShut(d, tmp)
	if err != nil {
		return err
	}
	defer unix.Close(shut)
	if err := makeOwned(shut, name, owner); err != nil {
		return err
	}
	return fdio.RenameNew(shut, name, d.fd, name)
}

// openShut opens a directory of ours that nobody else can enter.
func openShut(d dir, name string) (int, error) {
	fd, err := fdio.Open(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && (int(st.Uid) != os.Geteuid() || st.Mode&0o7777&^unix.S_ISGID != 0o700) {
		err = fs.ErrExist
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// clearShut removes what makeDir leaves, also of a pass that was killed. What is not ours
// is left alone, unless it is empty.
func clearShut(d dir, name string) error {
	err := tryAgain(func() error { return clearShutOnce(d, name) }, unix.ENOTEMPTY)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %+q: %w", d.join(tempName(name)), err)
	}
	return nil
}

func clearShutOnce(d dir, name string) error {
	tmp := tempName(name)
	shut, err := openShut(d, tmp)
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		_ = unix.Unlinkat(d.fd, tmp, unix.AT_REMOVEDIR)
		return nil
	case err != nil:
		return err
	}
	defer unix.Close(shut)
	_ = unix.Unlinkat(shut, name, unix.AT_REMOVEDIR)
	return unix.Unlinkat(d.fd, tmp, unix.AT_REMOVEDIR)
}

func makeOwned(dirFd int, name string, owner Owner) error {
	if err := unix.Mkdirat(dirFd, name, 0o700); err != nil {
		return err
	}
	fd, err := fdio.Open(dirFd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return err
	}
	return unix.Fchmod(fd, 0o755)
}
