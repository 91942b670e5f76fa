package scandir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/scan"
)

const lockName = ".slotgen.lock"

// ErrHeld says that another slotgen had the lock all the time.
var ErrHeld = errors.New("still held")

// Lock takes the scandir's lock, so that one slotgen at a time changes it. It
// waits for at most limit, and then the error says who holds the lock; the end of
// ctx ends the wait too. The lock is on a file of mode 0600: any user may lock what
// it can read.
func (d *Dir) Lock(ctx context.Context, limit time.Duration) error {
	name := filepath.Join(d.path, lockName)
	fd, err := fdio.Open(d.fd, lockName, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return fmt.Errorf("locking %q: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := wait(ctx, f, limit); err != nil {
		return errors.Join(fmt.Errorf("locking %q: %w", name, err), f.Close())
	}
	d.lock = f
	d.signLock()
	return nil
}

// unlock gives the lock up; without one it does nothing.
func (d *Dir) unlock() error {
	if d.lock == nil {
		return nil
	}
	err := d.lock.Close()
	d.lock = nil
	return err
}

func wait(ctx context.Context, f *os.File, limit time.Duration) error {
	info, err := f.Stat()
	if err != nil {
		return scan.Bare(err)
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	deadline := time.Now().Add(limit)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return err
		case !time.Now().Before(deadline):
			return fmt.Errorf("%w after %s by %s", ErrHeld, limit, holder(f))
		case ctx.Err() != nil:
			return ctx.Err()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// signLock leaves our process number for whoever waits. A full file system
// costs the number, not the lock.
func (d *Dir) signLock() {
	if d.lock.Truncate(0) == nil {
		_, _ = d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

func holder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid, perr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || perr != nil {
		return "an unknown process"
	}
	return fmt.Sprintf("process %d", pid)
}
