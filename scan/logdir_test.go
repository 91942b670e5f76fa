package scan

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

// Whoever owns the home may give another directory of root's the name under which
// logs/ is made.
func TestLogsIsNoOtherDirectoryOfRoot(t *testing.T) {
	testenv.NeedRoot(t, "gives a directory to another user")
	home := testenv.MemDir(t)
	put(t, home, "lost+found/secret", "")
	if err := os.Chmod(filepath.Join(home, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	top, err := unix.Open(home, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Renameat2(top, "lost+found", top, ".logs.new", unix.RENAME_EXCHANGE)
			}
		}
	}()
	v := openVolume(t, home)
	for range 300 {
		_ = v.AppendBootLog(Owner{UID: 10000, GID: 10000}, epoch, []Outcome{{Profile: "x"}})
		logs := filepath.Join(home, "logs")
		if _, err := os.Lstat(filepath.Join(logs, "secret")); err == nil {
			t.Error("lost+found is logs/ now")
			break
		}
		if err := os.RemoveAll(logs); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	<-stopped
	for _, name := range []string{"lost+found", ".logs.new"} {
		var st unix.Stat_t
		if unix.Lstat(filepath.Join(home, name), &st) == nil && st.Uid != 0 {
			t.Errorf("%s was given to user %d", name, st.Uid)
		}
	}
}
