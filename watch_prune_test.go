package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestContainerWatchPrunesOnTheSecondSighting(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		for _, name := range []string{"gone", "moved", "edited", "stays"} {
			c.profile(name, running)
		}
		c.boot()
		w := c.watch("--prune")
		c.waitUp("gateway-gone", "gateway-moved", "gateway-edited", "gateway-stays")
		c.waitFor("some lines of gone", func() bool { return len(c.logLines("gone")) > 5 })
		stays := c.servicePID("gateway-stays")

		profiles := filepath.Join(c.home, "profiles")
		if err := os.Rename(profiles+"/moved", profiles+"/.moved"); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(profiles + "/edited/SOUL.md"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		c.forget("gone")
		time.Sleep(time.Second)
		if err := os.Rename(profiles+"/.moved", profiles+"/moved"); err != nil {
			t.Fatal(err)
		}
		c.waitFor("the slot to go", func() bool { return !c.hasSlot("gateway-gone") })
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("it went after %s, before a second sighting", took)
		}
		w.waitSaid(`slotgen: pruned slot "gateway-gone": its profile is gone`)
		c.waitFor("what was hidden to go", func() bool { return len(c.hidden()) == 0 })
		checkGone(t, c, "gateway-gone")
		checkLines(t, c, "gone")
		lines := c.logLines("gone")
		if n := len(lines); n == 0 || !strings.HasSuffix(lines[n-1], " last") {
			t.Errorf("the log ends in %q, want the last line", lines[max(0, len(lines)-2):])
		}
		w.quiet("a prune that is over", 3*time.Second)
		for _, service := range []string{"gateway-moved", "gateway-edited"} {
			if !c.isUp(service) {
				t.Errorf("%s: %s", service, c.svstat(service))
			}
		}
		if c.servicePID("gateway-stays") != stays {
			t.Error("another service was restarted")
		}
	})
}

func TestContainerWatchNamesAnOrphanOnce(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.profile("gone", running)
	c.boot()
	w := c.watch("--interval", "1s")
	c.waitUp("gateway-gone")
	c.forget("gone")
	const said = `slotgen: warning: slot "gateway-gone" has no profile: left alone, reconcile --prune removes it`
	w.waitSaid(said)
	c.profile("other", "")
	w.waitSaid(`created slot "gateway-other"`)
	w.quiet("an orphan that was named", 3*time.Second)
	if n := strings.Count(w.said(), said); n != 1 || !c.isUp("gateway-gone") {
		t.Errorf("named %d times; %s", n, c.svstat("gateway-gone"))
	}
}

// A service that ignores TERM takes 17 seconds to be given up. Meanwhile, and
// after that, new profiles get their slots as ever.
func TestContainerWatchServesOthersWhileAServiceDoesNotGo(t *testing.T) {
	t.Parallel()
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("deaf", running)
		c.stubborn("deaf", "trap 'echo once >>/tmp/told' TERM\nwhile :; do sleep 1; done")
		c.boot()
		w := c.watch("--prune", "--interval", "3s")
		c.waitUp("gateway-deaf")
		deaf := c.servicePID("gateway-deaf")
		c.forget("deaf")
		var slowest time.Duration
		count := 0
		serve := func() {
			name := fmt.Sprintf("new%d", count)
			count++
			start := time.Now()
			c.profile(name, running)
			c.waitFor(name+" to be up", func() bool { return c.servicePID("gateway-"+name) != 0 })
			slowest = max(slowest, time.Since(start))
		}
		const stuck = `slotgen: warning: clearing leftover "gateway-deaf" in scandir "/run/service": a supervisor still runs in it: left hidden as ".gateway-deaf.old"`
		c.waitFor("the watcher to give up", func() bool {
			serve()
			time.Sleep(500 * time.Millisecond)
			return strings.Contains(w.said(), stuck)
		})
		// By the pass, and by s6-supervise when that was told to exit.
		if n := strings.Count(readText(t, c.path("/tmp/told")), "once\n"); n != 2 {
			t.Errorf("it got %d TERMs; to a second one many a program drops everything", n)
		}
		c.profile("deaf", running)
		w.waitSaid(`slotgen: error: profile "deaf": an earlier service of that name still runs in ".gateway-deaf.old"`)
		serve()
		w.quiet("a service that does not go", 4*time.Second)
		t.Logf("the slowest of %d slots took %s", count, slowest)
		if slowest > 3*time.Second {
			t.Errorf("a slot took %s", slowest)
		}
		if n := c.supervisors()["gateway-deaf"]; n != 1 {
			t.Errorf("%d supervisors of what does not go", n)
		}

		c.stubborn("deaf", "exec sleep 1000")
		c.mustRun("root", "kill", "-KILL", strconv.Itoa(deaf))
		c.waitUp("gateway-deaf")
		c.waitFor("what was hidden to go", func() bool { return len(c.hidden()) == 0 })
		if n := c.supervisors()["gateway-deaf"]; n != 1 || !strings.Contains(w.said(), `created slot "gateway-deaf"`) {
			t.Errorf("%d supervisors once it has gone:\n%s", n, w.said())
		}
	})
}

// tellBackToGo has a watch tell the service of a profile that is gone to go, which takes
// it 3 seconds, and returns meanwhile.
func (c *container) tellBackToGo() (w watcher, pid int) {
	c.t.Helper()
	c.profile("back", running)
	c.stubborn("back", "trap 'sleep 3; exit 1' TERM\nwhile :; do sleep 1; done")
	c.boot()
	w = c.watch("--prune")
	c.waitUp("gateway-back")
	pid = c.servicePID("gateway-back")
	c.forget("back")
	c.waitFor("the service to be told", func() bool { return strings.Contains(c.svstat("gateway-back"), "want down") })
	return w, pid
}

// waitForAnother waits until a service runs in another process than before.
func (c *container) waitForAnother(service string, before int) {
	c.t.Helper()
	c.waitFor("another service of that name", func() bool {
		pid := c.servicePID(service)
		return pid != 0 && pid != before
	})
}

// The profile is back, and nobody else knows that its service was told to go.
func TestContainerWatchThatEndsLeavesNoServiceToldToGo(t *testing.T) {
	t.Parallel()
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		w, before := c.tellBackToGo()
		c.spawn("root", "flock", "/run/service/.slotgen.lock", "sh", "-c", "touch /run/locked; exec sleep 2") // as another pass would
		c.waitFor("the lock to be taken", func() bool { return exists(c.path("/run/locked")) })
		w.end()
		c.profile("back", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan")
		c.waitForAnother("gateway-back", before)
		if n := c.supervisors()["gateway-back"]; n != 1 || len(c.hidden()) > 0 {
			t.Errorf("%d supervisors, hidden is %q", n, c.hidden())
		}
	})
}

// The profile is back after its service was told to go: the old service goes all
// the same, and a new one comes.
func TestContainerWatchRestartsAProfileThatIsBackTooLate(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	w, before := c.tellBackToGo()
	c.profile("back", running)
	c.waitForAnother("gateway-back", before)
	w.waitSaid(`pruned slot "gateway-back": its profile was gone, and is back`)
	w.waitSaid(`created slot "gateway-back"`)
	if log := readText(t, filepath.Join(c.home, "logs/container-boot.log")); strings.Contains(log, "the slot stands") {
		t.Errorf("what was told to go is taken for a slot that stays:\n%s", log)
	}
	w.quiet("a profile that is back", 3*time.Second)
	if n := c.supervisors()["gateway-back"]; n != 1 {
		t.Errorf("%d supervisors", n)
	}
}
