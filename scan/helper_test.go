package scan

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/asuser"
	"slotgen/internal/testenv"
)

// strangerID is a user that owns nothing of what a test makes.
const strangerID = 12345

// newHome makes an empty home that any user can reach.
func newHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	if err := os.Chmod(filepath.Dir(home), 0o755); err != nil {
		t.Fatal(err)
	}
	return home
}

// put writes a file below home and makes the directories on the way.
func put(t *testing.T, home, name, text string) {
	t.Helper()
	mkdir(t, home, filepath.Dir(name))
	if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, home, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(home, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, home, name, target string) {
	t.Helper()
	mkdir(t, home, filepath.Dir(name))
	if err := os.Symlink(target, filepath.Join(home, name)); err != nil {
		t.Fatal(err)
	}
}

func fifo(t *testing.T, home, name string) {
	t.Helper()
	mkdir(t, home, filepath.Dir(name))
	if err := unix.Mkfifo(filepath.Join(home, name), 0o644); err != nil {
		t.Fatal(err)
	}
}

func socket(t *testing.T, home, name string) {
	t.Helper()
	mkdir(t, home, filepath.Dir(name))
	// A socket's path is bounded to 107 bytes; the one by way of a descriptor is short.
	dir, err := os.Open(filepath.Dir(filepath.Join(home, name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	l, err := net.Listen("unix", filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), filepath.Base(name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

func chmod(t *testing.T, home, name string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(filepath.Join(home, name), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, home, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(home, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func missingIn(home, name string) bool {
	_, err := os.Lstat(filepath.Join(home, name))
	return errors.Is(err, fs.ErrNotExist)
}

// neverSlow is for volumes that answer.
func neverSlow(string, time.Duration) {}

func openVolume(t *testing.T, home string) *Volume {
	t.Helper()
	return openVolumeAs(t, home, asuser.User{})
}

func openVolumeAs(t *testing.T, home string, user asuser.User) *Volume {
	t.Helper()
	v, err := Open(home, DefaultLayout(), user, neverSlow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// scanHome reads a home, and fails the test when that blocks.
func scanHome(t *testing.T, home string) Listing {
	t.Helper()
	v := openVolume(t, home)
	return inTime(t, func() Listing { return v.Scan(Options{Autostart: Recorded}) })
}

// scanAsStranger reads a home as a user without rights to what is in it.
func scanAsStranger(t *testing.T, home string) Listing {
	t.Helper()
	return scanAsStrangerUnder(t, home, Recorded)
}

func scanAsStrangerUnder(t *testing.T, home string, policy Policy) Listing {
	t.Helper()
	v := openVolumeAs(t, home, asuser.New(strangerID, strangerID, nil))
	return inTime(t, func() Listing { return v.Scan(Options{Autostart: policy}) })
}

// inTime returns what f returns, and fails the test when f blocks.
func inTime[T any](t *testing.T, f func() T) T {
	t.Helper()
	result := make(chan T, 1)
	go func() { result <- f() }()
	select {
	case r := <-result:
		return r
	case <-time.After(testenv.HangLimit):
		t.Fatal("it blocks")
	}
	var zero T
	return zero
}

// underStrace runs another test of this package under strace, and returns what both say.
func underStrace(t *testing.T, test string, args ...string) string {
	t.Helper()
	strace := testenv.NeedProgram(t, "strace")
	out, err := exec.Command(strace, slices.Concat([]string{"-f", "-qq"}, args, []string{os.Args[0], "-test.run=^" + test + "$"})...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", test, err, out)
	}
	return string(out)
}

// entryOf returns what a listing has of one name.
func entryOf(t *testing.T, l Listing, name string) Entry {
	t.Helper()
	for _, e := range l.Entries {
		if e.Profile.Name == name {
			return e
		}
	}
	t.Fatalf("%q is not in the listing", name)
	return Entry{}
}
