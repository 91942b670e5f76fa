// Package testenv tells tests what they may count on: how long to wait, and what
// the machine has.
//
// A test that lacks something is skipped with a sentence that says what it needs.
// Where CI=true it fails instead: .ci/test installs everything, and a test that is
// skipped there would go unnoticed.
package testenv

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// HangLimit bounds every wait of a test. It only catches a hang: no test is slow
// enough to reach it on a machine that makes progress.
const HangLimit = 10 * time.Minute

// pollInterval is the time between two looks at a condition.
const pollInterval = 5 * time.Millisecond

// Holds polls until the condition holds, and reports whether it did within HangLimit.
func Holds(condition func() bool) bool {
	for deadline := time.Now().Add(HangLimit); !condition(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// WaitFor polls until the condition holds, and fails the test where it does not
// within HangLimit. The text says what the test waits for.
func WaitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !Holds(condition) {
		t.Fatalf("waited %v in vain for %s", HangLimit, what)
	}
}

// InCI reports whether the tests run in CI, where every test has to run.
func InCI() bool { return os.Getenv("CI") == "true" }

// Need skips the test when it lacks something, or fails it in CI. The text says
// what the test needs: "needs root: makes a mount".
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

// NeedRoot skips the test when it does not run as root. The text says what root is
// needed for: "mounts a file system".
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	Need(t, os.Geteuid() == 0, "needs root: "+what)
}

// NeedProgram skips the test when a program is not on PATH, and returns its path.
func NeedProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	Need(t, err == nil, "needs "+name+": run .ci/test as root, which installs it")
	return path
}

// NeedTime skips the test under go test -short, which has to end within a minute.
// The text says what takes long: "boots containers".
func NeedTime(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs more time than -short gives: " + what)
	}
}
