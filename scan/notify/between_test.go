package notify

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// slowVar marks a test process in which strace delays each new watch.
const slowVar = "SLOTGEN_TEST_SLOW"

// TestWithSlowWatches is the part of a test that runs under strace.
func TestWithSlowWatches(t *testing.T) {
	if os.Getenv(slowVar) == "" {
		return // this process does not run under strace
	}
	l := start(t, func(l *fixture) { l.put("profiles/a/SOUL.md") })
	l.put("profiles/waits/x")
	// The watcher opens the directory before it adds the watch.
	testenv.WaitFor(t, "the directory to be opened", func() bool {
		return slices.Contains(watched(t), filepath.Join(l.home, "profiles/waits"))
	})
	l.put("profiles/waits/SOUL.md")
	l.want("a marker", Change{Profiles: []string{"waits"}})
}

func TestMarkerThatComesBeforeItsWatchIsReported(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "makes each watch take half a second")
	strace := testenv.NeedProgram(t, "strace")
	cmd := exec.Command(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=inotify_add_watch",
		"-e", "inject=inotify_add_watch:delay_enter=500000", os.Args[0], "-test.v", "-test.run=^TestWithSlowWatches$")
	cmd.Env = append(os.Environ(), slowVar+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestWithSlowWatches") {
		t.Errorf("%v\n%s", err, out)
	}
}

// No event reports that a link on the way to profiles/ has a new target. The watcher notices
// it at its next look.
func TestNewTargetOfProfilesIsWatched(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) {
		l.put("v1/profiles/a/SOUL.md")
		l.put("v2/profiles/waits/x")
		l.link("v1", "current")
		l.link("current/profiles", "profiles")
	})
	l.remove("current")
	l.link("v2", "current")
	l.put("v1/profiles/late/x")
	l.want("another directory", Change{All: true})
	l.put("v2/profiles/waits/SOUL.md")
	l.want("a marker in what had waited there", Change{Profiles: []string{"waits"}})
}
