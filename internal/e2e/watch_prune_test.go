package e2e

import (
	"errors"
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

		if err := os.Remove(filepath.Join(c.home, "profiles/edited/SOUL.md")); err != nil {
			t.Fatal(err)
		}
		moved := w.moveBriefly("moved")
		start := time.Now()
		c.forget("gone")
		c.waitFor("the slot to go", func() bool { return !c.hasSlot("gateway-gone") })
		if took := time.Since(start); took < confirmAfter {
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
		w.quiet("a prune that is over")
		if !c.isUp("gateway-edited") {
			t.Errorf("edited: %s", c.svstat("gateway-edited"))
		}
		if c.servicePID("gateway-stays") != stays || c.servicePID("gateway-moved") != moved {
			t.Error("another service was restarted")
		}
	})
}

// moveBriefly takes a profile away until the watcher has seen that, and puts it back
// before it looks again. It returns the process of its service. Where that takes too
// long the service may go, and it is done once more.
func (w watcher) moveBriefly(profile string) (pid int) {
	w.c.t.Helper()
	profiles, service := filepath.Join(w.c.home, "profiles"), "gateway-"+profile
	w.c.waitFor("the profile to be back in time", func() bool {
		w.heard()
		w.c.waitFor(service+" to be up", func() bool { return w.c.servicePID(service) != 0 && len(w.c.hidden()) == 0 })
		pid = w.c.servicePID(service)
		start := time.Now()
		err := os.Rename(profiles+"/"+profile, profiles+"/."+profile)
		w.mark()
		if err := errors.Join(err, os.Rename(profiles+"/."+profile, profiles+"/"+profile)); err != nil {
			w.c.t.Fatal(err)
		}
		return time.Since(start) < confirmAfter
	})
	return pid
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
	w.quiet("an orphan that was named")
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
		pace := c.serve("before")
		start := time.Now()
		c.forget("deaf")
		const stuck = `slotgen: warning: clearing leftover "gateway-deaf" in scandir "/run/service": a supervisor still runs in it: left hidden as ".gateway-deaf.old"`
		served := 0
		for ; ; served++ {
			c.serve(fmt.Sprintf("new%d", served))
			if strings.Contains(w.said(), stuck) {
				break
			}
		}
		took := time.Since(start)
		t.Logf("%d slots were made until it was given up, in %s; one took %s before", served, took, pace)
		if served == 0 && took > 10*pace {
			t.Error("no slot was made until it was given up")
		}
		// By the pass, and by s6-supervise when that was told to exit.
		told := func() int { return strings.Count(readText(t, c.path("/tmp/told")), "once\n") }
		c.waitFor("two TERMs", func() bool { return told() >= 2 })
		c.profile("deaf", running)
		w.waitSaid(`slotgen: error: profile "deaf": an earlier service of that name still runs in ".gateway-deaf.old"`)
		c.serve("after")
		w.quiet("a service that does not go")
		if n := told(); n != 2 {
			t.Errorf("it got %d TERMs; to a second one many a program drops everything", n)
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

// tellBackToGo has a watch tell the service of a profile that is gone to go, and returns
// before that does so, which it may from mayGo on.
func (c *container) tellBackToGo() (w watcher, pid int) {
	c.t.Helper()
	c.profile("back", running)
	c.stubborn("back", "trap 'until [ -e /tmp/go ]; do sleep 0.1; done; exit 1' TERM\nwhile :; do sleep 0.1; done")
	c.boot()
	w = c.watch("--prune")
	c.waitUp("gateway-back")
	pid = c.servicePID("gateway-back")
	c.forget("back")
	c.waitFor("the service to be told", func() bool { return strings.Contains(c.svstat("gateway-back"), "want down") })
	return w, pid
}

func (c *container) mayGo() {
	c.t.Helper()
	createFile(c.t, c.path("/tmp/go")).Close()
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
		var before int
		c.waitFor("a watcher that gets the lock in time", func() bool {
			var w watcher
			w, before = c.tellBackToGo()
			c.spawn("root", "flock", "/run/service/.slotgen.lock", "sh", "-c", "touch /run/locked; exec sleep 1") // as another pass would
			c.waitFor("the lock to be taken", func() bool { return exists(c.path("/run/locked")) })
			w.end()
			if tooLate := strings.Contains(w.said(), "still held after"); tooLate {
				c.restart()
				return false
			}
			return true
		})
		c.mayGo()
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
	c.profile("witness", stopped)
	c.waitFor("the watcher to see what is new", func() bool { return c.hasSlot("gateway-witness") })
	c.mayGo()
	c.waitForAnother("gateway-back", before)
	w.waitSaid(`pruned slot "gateway-back": its profile was gone, and is back`)
	w.waitSaid(`created slot "gateway-back"`)
	if log := readText(t, filepath.Join(c.home, "logs/container-boot.log")); strings.Contains(log, "the slot stands") {
		t.Errorf("what was told to go is taken for a slot that stays:\n%s", log)
	}
	w.quiet("a profile that is back")
	if n := c.supervisors()["gateway-back"]; n != 1 {
		t.Errorf("%d supervisors", n)
	}
}
