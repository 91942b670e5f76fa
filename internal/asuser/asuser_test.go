package asuser

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

const testID = 12345

// testDir returns a directory of the test user's below others that it can enter.
func testDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "slotgen-asuser-") //nolint:usetesting // t.TempDir is in a directory of mode 0700
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, testID, testID); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFilesAreMadeAndRefusedAsForTheUser(t *testing.T) {
	testenv.NeedRoot(t, "to take the credentials of another user")
	dir := testDir(t)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(dir, "made")
	err := New(testID, testID, []int{testID + 1}).Do(func() {
		if _, err := os.ReadFile(secret); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("reading a file of root: %v", err)
		}
		if err := os.WriteFile(made, nil, 0o644); err != nil {
			t.Error(err)
		}
		if err := os.Chown(made, 0, 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("giving a file to root: %v", err)
		}
		if groups, _ := unix.Getgroups(); !slices.Equal(groups, []int{testID, testID + 1}) {
			t.Errorf("the groups are %v", groups)
		}
		if caps, _ := capabilities(); caps[0].Effective|caps[1].Effective != 0 {
			t.Errorf("capabilities are left: %+v", caps)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(made, &st); err != nil || st.Uid != testID || st.Gid != testID {
		t.Errorf("the file belongs to %d:%d: %v", st.Uid, st.Gid, err)
	}
	if _, err := os.ReadFile(secret); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Many calls run at the same time, so that their threads are used again by others.
func TestOtherThreadsStayRoot(t *testing.T) {
	testenv.NeedRoot(t, "to take the credentials of another user")
	own, err := current()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			u := New(testID, testID, nil)
			for range 20 {
				err := u.Do(func() {
					if uid, _ := unix.SetfsuidRetUid(noChange); uid != testID {
						t.Errorf("file-system uid %d", uid)
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 100 {
				if err := own.check(); err != nil {
					t.Errorf("a thread has other credentials: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestDoInsideOfDoRunsAtOnce(t *testing.T) {
	testenv.NeedRoot(t, "to take the credentials of another user")
	u := New(testID, testID, nil)
	outer, inner := 0, 0
	err := u.Do(func() {
		outer = unix.Gettid()
		if err := u.Do(func() { inner = unix.Gettid() }); err != nil {
			t.Error(err)
		}
	})
	if err != nil || outer == 0 || outer != inner {
		t.Errorf("threads %d and %d: %v", outer, inner, err)
	}
}

func TestNothingIsSwitchedForOneself(t *testing.T) {
	ran := false
	if err := (User{}).Do(func() { ran = true }); err != nil || !ran || !(User{}).IsSelf() {
		t.Errorf("ran: %v, %v", ran, err)
	}
}
