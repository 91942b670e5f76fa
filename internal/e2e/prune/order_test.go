package prune

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// A prune makes s6-svscan look at the scandir. Before that, an unseen slot whose gateway must now
// stay down gets its down file.
func TestContainerPruneStartsNoGatewayThatIsToStayDown(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("gone", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitUp("gateway-gone")
		c.Profile("unseen", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Profile("unseen", harness.Stopped)
		c.Forget("gone")
		c.MustRun("root", "slotgen", "reconcile", "--prune")
		harness.NeverStarted(t, c, "unseen")
	})
}

// The same is true before a rescan, even when the slot fails or needs a restart.
func TestContainerRescanStartsNoGatewayThatIsToStayDown(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		for _, name := range []string{"failing", "logless"} {
			c.Profile(name, harness.Running)
		}
		c.MustRun("root", "slotgen", "reconcile")
		c.Profile("failing", harness.Stopped)
		c.Profile("logless", harness.Stopped)
		c.Override("profiles/failing/run.tmpl", "no script\n")
		c.Override("profiles/logless/log/run.tmpl", "")
		if got := c.Run("root", "slotgen", "reconcile", "--rescan"); got.Code != 1 || !strings.Contains(got.Stderr, `"gateway-logless" is live and needs restart`) {
			t.Errorf("exit code %d:\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		harness.NeverStarted(t, c, "failing")
		harness.NeverStarted(t, c, "logless")
	})
}

func TestContainerPruneOfOneLeavesTheSlotsOfOthers(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("gone", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.Profile("other", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Profile("other", harness.Stopped)
		c.Forget("gone")
		c.MustRun("root", "slotgen", "reconcile", "--prune", "--profile", "gone")
		if c.HasSlot("gateway-gone") || harness.Exists(c.Path("/run/service/gateway-other/down")) {
			t.Error("the slot of another profile was given a down file, or the one that was named stands")
		}
	})
}

// A pass leaves the slot of a profile that fails, even when it prunes another slot.
func TestContainerPruneLeavesTheSlotOfAProfileThatFails(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("gone", harness.Running)
		c.Profile("broken", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.Profile("broken", harness.Stopped)
		c.Override("profiles/broken/run.tmpl", "no script\n")
		c.Forget("gone")
		got := c.Run("root", "slotgen", "reconcile", "--prune")
		if got.Code != 1 || !strings.Contains(got.Stdout, "profile=broken prior_state=stopped action=failed\n") || c.HasSlot("gateway-gone") {
			t.Errorf("exit code %d:\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		if _, err := os.Lstat(c.Path("/run/service/gateway-broken/down")); err == nil {
			t.Error("its slot was given a down file")
		}
	})
}

// Under an s6-svscan, a hidden slot that got its name back would start with its old files.
func TestContainerSlotMovedAsideIsMadeAnewUnderAScanner(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("gone", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitUp("gateway-gone")
		c.Profile("aside", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		before := c.Inode("/run/service/gateway-aside")
		for _, name := range []string{"gone", "aside"} {
			service := c.Path("/run/service/")
			if err := os.Rename(service+"gateway-"+name, service+".gateway-"+name+".old"); err != nil {
				t.Fatal(err)
			}
		}
		c.Forget("gone")
		c.Profile("aside", harness.Stopped)
		c.MustRun("root", "slotgen", "reconcile", "--profile", "default")
		if got := c.Inode("/run/service/.gateway-aside.old"); got != before {
			t.Errorf("a pass of another profile left %d aside, want %d", got, before)
		}
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		harness.NeverStarted(t, c, "aside")
		if c.Inode("/run/service/gateway-aside") == before || len(c.Hidden()) > 0 {
			t.Errorf("it is the old directory, or something is hidden: %q", c.Hidden())
		}
	})
}

// When s6-svscan dies, nobody tells the supervisors that outlive it to end.
func TestContainerPruneEndsSupervisorsWhoseScannerHasDied(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("gone", harness.Running)
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--scandir", "/run/other")
		scanner := c.Spawn("root", "s6-svscan", "/run/other")
		up := func() bool {
			return strings.HasPrefix(c.Run("root", "s6-svstat", "/run/other/gateway-gone").Stdout, "up ")
		}
		c.WaitFor("the gateway to be up", up)
		scanner.Signal(9)
		scanner.Wait()
		c.Forget("gone")
		if got := prunePass(c, "--scandir", "/run/other", "--prune"); got.Code != 0 || !strings.Contains(got.Stderr, `"gateway-gone"`) {
			t.Errorf("exit code %d\n%s", got.Code, got.Stderr)
		}
		if left, err := filepath.Glob(c.Path("/run/other/") + ".gateway-*"); err != nil || len(left) > 0 {
			t.Errorf("left over: %q, %v", left, err)
		}
	})
}
