package prune

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"slotgen/internal/e2e/harness"
)

// pruneSlow boots with a profile called slow, removes all profiles, and starts a pass. It returns
// when slow's gateway has got TERM. The gateway ends when the test calls release.
func pruneSlow(c *harness.Container, args ...string) (prune *harness.ContainerProcess, release func()) {
	c.T.Helper()
	c.Profile("slow", harness.Running)
	c.OnTerm("slow", "touch /tmp/told; until [ -e /tmp/released ]; do sleep 0.05; done")
	c.MustRun("root", "slotgen", "reconcile")
	c.Boot()
	for _, name := range harness.NamesIn(c.T, filepath.Join(c.Home, "profiles")) {
		c.WaitUp("gateway-" + name + "/log")
		c.WaitTrap(name)
	}
	if err := os.RemoveAll(filepath.Join(c.Home, "profiles")); err != nil {
		c.T.Fatal(err)
	}
	c.Mkdir(filepath.Join(c.Home, "profiles"))
	prune = c.Spawn("root", append([]string{"slotgen", "reconcile"}, args...)...)
	c.WaitFor("the gateway to be told", func() bool { return harness.Exists(c.Path("/tmp/told")) })
	return prune, func() { harness.CreateFile(c.T, c.Path("/tmp/released")).Close() }
}

// A service that is taken down and still visible would stay down.
func TestContainerPruneThatIsEndedLeavesNoServiceToldToGo(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, s6 harness.S6Release) {
		c := harness.NewContainer(t, s6)
		prune, release := pruneSlow(c, "--prune")
		prune.Signal(syscall.SIGTERM)
		if got := prune.Wait(); got.Code != 1 || !strings.Contains(got.Stderr, "slotgen: error: ended by a signal: ") ||
			!strings.Contains(got.Stderr, `warning: slot "gateway-slow" is hidden and has not ended yet: `) || strings.Contains(got.Stderr, "pruned") {
			t.Errorf("%+v", got)
		}
		if c.HasSlot("gateway-slow") {
			t.Error("the slot can still be seen")
		}
		release()
		c.Profile("slow", harness.Running)
		c.WaitFor("the service to end", func() bool { return c.Supervisors()["gateway-slow"] == 0 })
		c.MustRun("root", "slotgen", "reconcile", "--prune", "--rescan", "--wait", "10m")
		c.WaitUp("gateway-slow")
	})
}

func TestContainerProfileThatIsBackAfterItsPruneHasASlot(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, s6 harness.S6Release) {
		c := harness.NewContainer(t, s6)
		prune, release := pruneSlow(c, "--prune", "--rescan")
		c.Profile("slow", harness.Running)
		release()
		if got := prune.Wait(); got.Code != 0 || !strings.Contains(got.Stdout, "profile=slow prior_state=running action=started") {
			t.Errorf("%+v", got)
		}
		c.WaitUp("gateway-slow")
	})
}

// The profile deaf is back while its service does not end. The profile slow is back too. The pass
// reports one outcome for each.
func TestContainerProfileWhosePruneFailsHasOneOutcome(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, s6 harness.S6Release) {
		c := harness.NewContainer(t, s6)
		c.Profile("deaf", harness.Running)
		c.Stubborn("deaf", "''", "while :; do sleep 1; done")
		prune, release := pruneSlow(c, "--prune", "--rescan")
		c.Profile("deaf", harness.Running)
		c.Profile("slow", harness.Running)
		release()
		got := prune.Wait()
		if got.Code != 1 || strings.Count(got.Stdout, "profile=deaf ") != 1 || !strings.Contains(got.Stdout, "profile=slow prior_state=running action=started") {
			t.Errorf("%+v", got)
		}
		c.WaitUp("gateway-slow")
	})
}

func TestContainerPruneThatIsEndedWhileItWaitsForTheLockSaysSo(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Boot()
	c.MustRun("root", "slotgen", "reconcile")
	c.Spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.WaitFor("the lock to be held", func() bool {
		return c.Run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").Code != 0
	})
	prune := c.Spawn("root", "slotgen", "reconcile", "--prune")
	c.WaitFor("the prune to wait for the lock", func() bool { return prune.HasOpen(".slotgen.lock") })
	prune.Signal(syscall.SIGTERM)
	const want = "slotgen: error: ended by a signal: the next pass does the rest\n"
	if got := prune.Wait(); got != (harness.ExecResult{Stderr: want, Code: 1}) {
		t.Errorf("%+v", got)
	}
}
