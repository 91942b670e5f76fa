// Package testenv gives tests a limit for their waits, and checks the machine for things that
// they need.
//
// A test that lacks something is skipped, with a message that names the missing thing. With
// CI=true it fails instead: .ci/test installs everything, and nobody would notice a skipped
// test there.
package testenv

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// HangLimit bounds every wait of a test. It only catches a hang: a machine that makes
// progress never reaches it.
const HangLimit = 10 * time.Minute

// pollInterval is the time between two looks at a condition.
const pollInterval = 5 * time.Millisecond

// Holds polls until the condition holds. It reports whether that was within HangLimit.
func Holds(condition func() bool) bool {
	for deadline := time.Now().Add(HangLimit); !condition(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// WaitFor polls until the condition holds, and fails the test after HangLimit. The text
// names the condition.
func WaitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !Holds(condition) {
		t.Fatalf("waited %v in vain for %s", HangLimit, what)
	}
}

// InCI reports whether the tests run in CI. Every test has to run there.
func InCI() bool { return os.Getenv("CI") == "true" }

// Need skips the test, or fails it in CI, unless a need is met. The text names the need:
// "needs root: makes a mount".
func Need(t testing.TB, met bool, what string) {
	t.Helper()
	switch {
	case met:
	case InCI():
		t.Fatal(what)
	default:
		t.Skip(what)
	}
}

// NeedRoot skips the test when it does not run as root. The text says why it needs root:
// "mounts a file system".
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	Need(t, os.Geteuid() == 0, "needs root: "+what)
}

// NeedProgram returns the path of a program. It skips the test when the program is not on
// PATH.
func NeedProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	Need(t, err == nil, "needs "+name+": run .ci/test as root, which installs it")
	return path
}

// NeedTime skips the test under go test -short, which has to end within a minute. The text
// says why the test is slow: "boots containers".
func NeedTime(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs more time than -short gives: " + what)
	}
}

// MemDir makes an empty directory on a tmpfs. Syncing a file takes no time there, so a test
// can write many files. Without /dev/shm it makes the directory elsewhere.
func MemDir(t testing.TB) string {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "slotgen-test-") //nolint:usetesting // TempDir need not be on a tmpfs
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}
