package scandir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

func TestSecondLockWaitsThenNamesTheHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		first, second := open(t, path), open(t, path)
		if err := first.Lock(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		err := second.Lock(t.Context(), 50*time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("still held after 50ms by process %d", os.Getpid())) {
			t.Errorf("error %v", err)
		}
		released := make(chan error)
		time.AfterFunc(time.Second, func() { released <- first.lock.Close() })
		if err := second.Lock(t.Context(), 2*time.Second); err != nil {
			t.Errorf("the lock was given up and not had: %v", err)
		}
		if err := <-released; err != nil {
			t.Error(err)
		}
	})
}

func TestLockIsNotTakenThroughALink(t *testing.T) {
	path, other := t.TempDir(), filepath.Join(t.TempDir(), "file")
	write(t, other, "precious")
	if err := os.Symlink(other, filepath.Join(path, lockName)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Lock(t.Context(), testenv.HangLimit); err == nil {
		t.Error("a link was followed")
	}
	if text, _ := os.ReadFile(other); string(text) != "precious" {
		t.Errorf("the file now holds %q", text)
	}
	if err := os.Remove(filepath.Join(path, lockName)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(path, lockName), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Lock(t.Context(), testenv.HangLimit); err == nil || !strings.HasSuffix(err.Error(), "not a regular file") {
		t.Errorf("a FIFO is a lock: %v", err)
	}
}

// A user who can open the lock file could hold the lock for ever.
func TestLockFileIsClosedToOtherUsers(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	path := t.TempDir()
	if err := open(t, path).Lock(t.Context(), testenv.HangLimit); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(path, lockName))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
}
