package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// pruneSlow boots with a profile slow, has all profiles go, and starts a pass that prunes
// them. It returns when the gateway of slow was told to end, which it does when it is released.
func (c *container) pruneSlow(args ...string) (prune *containerProcess, release func()) {
	c.t.Helper()
	c.profile("slow", running)
	c.onTerm("slow", "touch /tmp/told; until [ -e /tmp/released ]; do sleep 0.05; done")
	c.mustRun("root", "slotgen", "reconcile")
	c.boot()
	for _, name := range namesIn(c.t, filepath.Join(c.home, "profiles")) {
		c.waitUp("gateway-"+name, "gateway-"+name+"/log")
	}
	c.waitFor("its record", func() bool { return len(c.records("slow")) > 0 })
	if err := os.RemoveAll(filepath.Join(c.home, "profiles")); err != nil {
		c.t.Fatal(err)
	}
	c.mkdir(filepath.Join(c.home, "profiles"))
	prune = c.spawn("root", append([]string{"slotgen", "reconcile"}, args...)...)
	c.waitFor("the gateway to be told", func() bool { return exists(c.path("/tmp/told")) })
	return prune, func() { createFile(c.t, c.path("/tmp/released")).Close() }
}

// A service that was told to go and could still be seen would stay down.
func TestContainerPruneThatIsEndedLeavesNoServiceToldToGo(t *testing.T) {
	forEachS6(t, func(t *testing.T, s6 s6Release) {
		c := newContainer(t, s6)
		prune, release := c.pruneSlow("--prune")
		prune.signal(syscall.SIGTERM)
		if got := prune.wait(); got.code != 1 || !strings.Contains(got.stderr, "slotgen: error: ended by a signal: ") ||
			!strings.Contains(got.stderr, `warning: slot "gateway-slow" is hidden and has not ended yet: `) || strings.Contains(got.stderr, "pruned") {
			t.Errorf("%+v", got)
		}
		if c.hasSlot("gateway-slow") {
			t.Error("the slot can still be seen")
		}
		release()
		c.profile("slow", running)
		c.waitFor("the service to end", func() bool { return c.supervisors()["gateway-slow"] == 0 })
		c.mustRun("root", "slotgen", "reconcile", "--prune", "--rescan", "--wait", "10m")
		c.waitUp("gateway-slow")
	})
}

func TestContainerProfileThatIsBackAfterItsPruneHasASlot(t *testing.T) {
	forEachS6(t, func(t *testing.T, s6 s6Release) {
		c := newContainer(t, s6)
		prune, release := c.pruneSlow("--prune", "--rescan")
		c.profile("slow", running)
		release()
		if got := prune.wait(); got.code != 0 || !strings.Contains(got.stdout, "profile=slow prior_state=running action=started") {
			t.Errorf("%+v", got)
		}
		c.waitUp("gateway-slow")
	})
}

// The profile of a service that does not go is back, and so is another one: each has
// one outcome.
func TestContainerProfileWhosePruneFailsHasOneOutcome(t *testing.T) {
	forEachS6(t, func(t *testing.T, s6 s6Release) {
		c := newContainer(t, s6)
		c.profile("deaf", running)
		c.stubborn("deaf", "trap '' TERM\nwhile :; do sleep 1; done")
		prune, release := c.pruneSlow("--prune", "--rescan")
		c.profile("deaf", running)
		c.profile("slow", running)
		release()
		got := prune.wait()
		if got.code != 1 || strings.Count(got.stdout, "profile=deaf ") != 1 || !strings.Contains(got.stdout, "profile=slow prior_state=running action=started") {
			t.Errorf("%+v", got)
		}
		c.waitUp("gateway-slow")
	})
}

func TestContainerPruneThatIsEndedWhileItWaitsForTheLockSaysSo(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.boot()
	c.mustRun("root", "slotgen", "reconcile")
	c.spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.waitFor("the lock to be held", func() bool {
		return c.run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").code != 0
	})
	prune := c.spawn("root", "slotgen", "reconcile", "--prune")
	c.waitFor("the prune to wait for the lock", func() bool { return prune.hasOpen(".slotgen.lock") })
	prune.signal(syscall.SIGTERM)
	const want = "slotgen: error: ended by a signal: what is left to do is the next pass's\n"
	if got := prune.wait(); got != (execResult{"", want, 1}) {
		t.Errorf("%+v", got)
	}
}
