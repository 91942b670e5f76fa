package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
)

func TestContainerWatchPrunesOnTheSecondSighting(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		for _, name := range []string{"gone", "moved", "edited", "stays"} {
			c.Profile(name, harness.Running)
		}
		c.Boot()
		w := startWatch(c, "--prune-after", "2s")
		c.WaitUp("gateway-gone", "gateway-moved", "gateway-edited", "gateway-stays")
		c.WaitFor("some lines of gone", func() bool { return len(c.LogLines("gone")) > 5 })
		stays := c.ServicePID("gateway-stays")

		if err := os.Remove(filepath.Join(c.Home, "profiles/edited/SOUL.md")); err != nil {
			t.Fatal(err)
		}
		moved := w.moveBriefly("moved")
		start := time.Now()
		c.Forget("gone")
		c.WaitFor("the slot to go", func() bool { return !c.HasSlot("gateway-gone") })
		if took := time.Since(start); took < confirmAfter {
			t.Errorf("it went after %s, before a second sighting", took)
		}
		w.waitOutput(`slotgen: pruned slot "gateway-gone": its profile is gone`)
		c.WaitFor("what was hidden to go", func() bool { return len(c.Hidden()) == 0 })
		harness.CheckGone(t, c, "gateway-gone")
		harness.CheckLines(t, c, "gone")
		lines := c.LogLines("gone")
		if n := len(lines); n == 0 || !strings.HasSuffix(lines[n-1], " last") {
			t.Errorf("the log ends in %q, want the last line", lines[max(0, len(lines)-2):])
		}
		w.checkQuiet("a prune that is over")
		if !c.IsUp("gateway-edited") {
			t.Errorf("edited: %s", c.Svstat("gateway-edited"))
		}
		if c.ServicePID("gateway-stays") != stays || c.ServicePID("gateway-moved") != moved {
			t.Error("another service was restarted")
		}
	})
}

// moveBriefly moves a profile away until the watcher has seen that, and puts it back before the
// watcher looks again. It returns the PID of the service. If that takes too long, the watcher may
// prune the service; then moveBriefly tries again.
func (w watcher) moveBriefly(profile string) (pid int) {
	w.C.T.Helper()
	profiles, service := filepath.Join(w.C.Home, "profiles"), "gateway-"+profile
	w.C.WaitFor("the profile to be back in time", func() bool {
		w.settledOutput()
		w.C.WaitFor(service+" to be up", func() bool { return w.C.ServicePID(service) != 0 && len(w.C.Hidden()) == 0 })
		pid = w.C.ServicePID(service)
		start := time.Now()
		err := os.Rename(profiles+"/"+profile, profiles+"/."+profile)
		w.mark()
		if err := errors.Join(err, os.Rename(profiles+"/."+profile, profiles+"/"+profile)); err != nil {
			w.C.T.Fatal(err)
		}
		return time.Since(start) < confirmAfter
	})
	return pid
}

func TestContainerWatchNamesAnOrphanOnce(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("gone", harness.Running)
	c.Boot()
	w := startWatch(c, "--prune=false", "--interval", "1s")
	c.WaitUp("gateway-gone")
	c.Forget("gone")
	const output = `slotgen: warning: slot "gateway-gone" has no profile: left alone, reconcile --prune removes it`
	w.waitOutput(output)
	c.Profile("other", "")
	w.waitOutput(`created slot "gateway-other"`)
	w.checkQuiet("an orphan that was named")
	if n := strings.Count(w.output(), output); n != 1 || !c.IsUp("gateway-gone") {
		t.Errorf("named %d times; %s", n, c.Svstat("gateway-gone"))
	}
}

// The watcher gives up a service that ignores TERM after 17 seconds. Before and after that, it
// makes the slots of new profiles as usual.
func TestContainerWatchServesOthersWhileAServiceDoesNotGo(t *testing.T) {
	t.Parallel()
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("deaf", harness.Running)
		c.Stubborn("deaf", "'echo once >>/tmp/told'", "while :; do sleep 1; done")
		c.Boot()
		w := startWatch(c, "--prune-after", "2s", "--interval", "3s")
		c.WaitTrap("deaf")
		deaf := c.ServicePID("gateway-deaf")
		pace := serve(c, "before")
		start := time.Now()
		c.Forget("deaf")
		const stuck = `slotgen: warning: clearing leftover "gateway-deaf" in scandir "/run/service": a supervisor still runs in it: left hidden as ".gateway-deaf.old"`
		served := 0
		for ; ; served++ {
			serve(c, fmt.Sprintf("new%d", served))
			if strings.Contains(w.output(), stuck) {
				break
			}
		}
		took := time.Since(start)
		t.Logf("%d slots were made until it was given up, in %s; one took %s before", served, took, pace)
		if served == 0 && took > 10*pace {
			t.Error("no slot was made until it was given up")
		}
		// The pass sends one TERM. s6-supervise sends another one when it has to exit.
		terms := func() int { return strings.Count(harness.ReadText(t, c.Path("/tmp/told")), "once\n") }
		c.WaitFor("two TERMs", func() bool { return terms() >= 2 })
		c.Profile("deaf", harness.Running)
		w.waitOutput(`slotgen: error: profile "deaf": an earlier service of that name still runs in ".gateway-deaf.old"`)
		serve(c, "after")
		w.checkQuiet("a service that does not go")
		if n := terms(); n != 2 {
			t.Errorf("it got %d TERMs; to a second one many a program drops everything", n)
		}
		if n := c.Supervisors()["gateway-deaf"]; n != 1 {
			t.Errorf("%d supervisors of what does not go", n)
		}

		c.Stubborn("deaf", "-", "exec sleep 1000")
		c.MustRun("root", "kill", "-KILL", strconv.Itoa(deaf))
		c.WaitUp("gateway-deaf")
		c.WaitFor("what was hidden to go", func() bool { return len(c.Hidden()) == 0 })
		if n := c.Supervisors()["gateway-deaf"]; n != 1 || !strings.Contains(w.output(), `created slot "gateway-deaf"`) {
			t.Errorf("%d supervisors once it has gone:\n%s", n, w.output())
		}
	})
}

// takeDownBack has a watch take down the service of a profile called back, which is gone. It
// returns while the service still runs. The service ends after letBackEnd.
func takeDownBack(c *harness.Container) (w watcher, pid int) {
	c.T.Helper()
	c.Profile("back", harness.Running)
	c.Profile("stays", harness.Stopped)
	c.Stubborn("back", "'echo >/tmp/told-$$; until [ -e /tmp/go ]; do sleep 0.1; done; exit 1'", "while :; do sleep 0.1; done")
	c.Boot()
	w = startWatch(c, "--prune-after", "2s")
	c.WaitTrap("back")
	pid = c.ServicePID("gateway-back")
	c.Forget("back")
	c.WaitFor("the service to be told", func() bool { return harness.Exists(c.Path(fmt.Sprintf("/tmp/told-%d", pid))) })
	return w, pid
}

func letBackEnd(c *harness.Container) {
	c.T.Helper()
	harness.CreateFile(c.T, c.Path("/tmp/go")).Close()
}

// waitForAnother waits until a service runs as another process than before.
func waitForAnother(c *harness.Container, service string, before int) {
	c.T.Helper()
	c.WaitFor("another service of that name", func() bool {
		pid := c.ServicePID(service)
		return pid != 0 && pid != before
	})
}

// The profile is back. Only the watcher that ends knows that the service was taken down.
func TestContainerWatchThatEndsLeavesNoServiceToldToGo(t *testing.T) {
	t.Parallel()
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		var before int
		c.WaitFor("a watcher that gets the lock in time", func() bool {
			var w watcher
			w, before = takeDownBack(c)
			c.Spawn("root", "flock", "/run/service/.slotgen.lock", "sh", "-c", "touch /run/locked; exec sleep 1") // as another pass would hold it
			c.WaitFor("the lock to be taken", func() bool { return harness.Exists(c.Path("/run/locked")) })
			w.end()
			if tooLate := strings.Contains(w.output(), "still held after"); tooLate {
				c.Restart()
				return false
			}
			return true
		})
		letBackEnd(c)
		c.Profile("back", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		waitForAnother(c, "gateway-back", before)
		if n := c.Supervisors()["gateway-back"]; n != 1 || len(c.Hidden()) > 0 {
			t.Errorf("%d supervisors, hidden is %q", n, c.Hidden())
		}
	})
}

// The profile comes back after the watcher took its service down. The old service ends all the
// same, and a new one starts.
func TestContainerWatchRestartsAProfileThatIsBackTooLate(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	w, before := takeDownBack(c)
	c.Profile("back", harness.Running)
	c.Profile("witness", harness.Stopped)
	c.WaitFor("the watcher to see what is new", func() bool { return c.HasSlot("gateway-witness") })
	letBackEnd(c)
	waitForAnother(c, "gateway-back", before)
	w.waitOutput(`pruned slot "gateway-back": its profile was gone, and is back`)
	w.waitOutput(`created slot "gateway-back"`)
	if log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log")); strings.Contains(log, "the slot stands") {
		t.Errorf("a service that was taken down counts as one that stays:\n%s", log)
	}
	w.checkQuiet("a profile that is back")
	if n := c.Supervisors()["gateway-back"]; n != 1 {
		t.Errorf("%d supervisors", n)
	}
}
