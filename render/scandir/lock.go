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
)

const lockName = ".slotgen.lock"

// ErrHeld is the error of Lock when another slotgen held the lock all the time.
var ErrHeld = errors.New("still held")

// Lock takes the scandir's lock: only one slotgen at a time changes a scandir. It waits
// for at most limit, and then returns an error that names the holder. The end of ctx ends
// the wait too. The lock file has mode 0600, because any user may lock a file that it can
// read.
func (d *Dir) Lock(ctx context.Context, limit time.Duration) error {
	name := filepath.Join(d.path, lockName)
	fd, err := fdio.Open(d.fd, lockName, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return fmt.Errorf("locking %q: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := waitLock(ctx, f, limit); err != nil {
		return errors.Join(fmt.Errorf("locking %q: %w", name, err), f.Close())
	}
	d.lock = f
	d.writeHolder()
	return nil
}

func waitLock(ctx context.Context, f *os.File, limit time.Duration) error {
	if err := mustBe(int(f.Fd()), unix.S_IFREG, "regular file"); err != nil {
		return err
	}
	var err error
	waitUntil(limit, func() bool {
		err = fdio.Lock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		return !errors.Is(err, unix.EWOULDBLOCK) || ctx.Err() != nil
	})
	switch {
	case !errors.Is(err, unix.EWOULDBLOCK):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w after %s by %s", ErrHeld, limit, lockHolder(f))
}

// writeHolder writes slotgen's process number into the lock file, for the error of another
// slotgen that waits. On a full file system the number is missing, but the lock still works.
func (d *Dir) writeHolder() {
	if d.lock.Truncate(0) == nil {
		_, _ = d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

func lockHolder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid, perr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || perr != nil {
		return "an unknown process"
	}
	return fmt.Sprintf("process %d", pid)
}
