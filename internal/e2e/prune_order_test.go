package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// neverStarted holds that a profile's gateway has not run, and that its supervisor and s6-svscan
// have nothing left to do that would start it.
func neverStarted(t *testing.T, c *container, profile string) {
	t.Helper()
	c.waitSupervised("gateway-" + profile)
	c.rescan()
	c.checkDown("gateway-" + profile)
	if n := len(c.records(profile)); n > 0 {
		t.Errorf("%s ran %d times", profile, n)
	}
}

// A prune has s6-svscan look at the scandir: by then a slot that it has not seen,
// and whose gateway is to stay down by now, has its down file.
func TestContainerPruneStartsNoGatewayThatIsToStayDown(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("gone", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan")
		c.waitUp("gateway-gone")
		c.profile("unseen", running)
		c.mustRun("root", "slotgen", "reconcile")
		c.profile("unseen", stopped)
		c.forget("gone")
		c.mustRun("root", "slotgen", "reconcile", "--prune")
		neverStarted(t, c, "unseen")
	})
}

// So it is before a rescan, also where the slot fails or is left as it is otherwise.
func TestContainerRescanStartsNoGatewayThatIsToStayDown(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		for _, name := range []string{"failing", "logless"} {
			c.profile(name, running)
		}
		c.mustRun("root", "slotgen", "reconcile")
		c.profile("failing", stopped)
		c.profile("logless", stopped)
		c.override("profiles/failing/run.tmpl", "no script\n")
		c.override("profiles/logless/log/run.tmpl", "")
		if got := c.run("root", "slotgen", "reconcile", "--rescan"); got.code != 1 || !strings.Contains(got.stderr, `"gateway-logless" is live and needs restart`) {
			t.Errorf("exit code %d:\n%s%s", got.code, got.stdout, got.stderr)
		}
		neverStarted(t, c, "failing")
		neverStarted(t, c, "logless")
	})
}

func TestContainerPruneOfOneLeavesTheSlotsOfOthers(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("gone", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.profile("other", running)
		c.mustRun("root", "slotgen", "reconcile")
		c.profile("other", stopped)
		c.forget("gone")
		c.mustRun("root", "slotgen", "reconcile", "--prune", "--profile", "gone")
		if c.hasSlot("gateway-gone") || exists(c.path("/run/service/gateway-other/down")) {
			t.Error("the slot of another profile was given a down file, or the one that was named stands")
		}
	})
}

// What fails stays as it is, whatever is pruned beside it.
func TestContainerPruneLeavesTheSlotOfAProfileThatFails(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("gone", running)
		c.profile("broken", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.profile("broken", stopped)
		c.override("profiles/broken/run.tmpl", "no script\n")
		c.forget("gone")
		got := c.run("root", "slotgen", "reconcile", "--prune")
		if got.code != 1 || !strings.Contains(got.stdout, "profile=broken prior_state=stopped action=failed\n") || c.hasSlot("gateway-gone") {
			t.Errorf("exit code %d:\n%s%s", got.code, got.stdout, got.stderr)
		}
		if _, err := os.Lstat(c.path("/run/service/gateway-broken/down")); err == nil {
			t.Error("its slot was given a down file")
		}
	})
}

// Under an s6-svscan a slot that was moved aside would come up as it was then.
func TestContainerSlotMovedAsideIsMadeAnewUnderAScanner(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("gone", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan")
		c.waitUp("gateway-gone")
		c.profile("aside", running)
		c.mustRun("root", "slotgen", "reconcile")
		before := c.inode("/run/service/gateway-aside")
		for _, name := range []string{"gone", "aside"} {
			service := c.path("/run/service/")
			if err := os.Rename(service+"gateway-"+name, service+".gateway-"+name+".old"); err != nil {
				t.Fatal(err)
			}
		}
		c.forget("gone")
		c.profile("aside", stopped)
		c.mustRun("root", "slotgen", "reconcile", "--profile", "default")
		if got := c.inode("/run/service/.gateway-aside.old"); got != before {
			t.Errorf("a pass of another profile left %d aside, want %d", got, before)
		}
		c.mustRun("root", "slotgen", "reconcile", "--rescan")
		neverStarted(t, c, "aside")
		if c.inode("/run/service/gateway-aside") == before || len(c.hidden()) > 0 {
			t.Errorf("it is the old directory, or something is hidden: %q", c.hidden())
		}
	})
}

// Supervisors that outlive their s6-svscan hear from nobody that they are to end.
func TestContainerPruneEndsSupervisorsWhoseScannerHasDied(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("gone", running)
		c.boot()
		c.mustRun("root", "slotgen", "reconcile", "--scandir", "/run/other")
		scanner := c.spawn("root", "s6-svscan", "/run/other")
		up := func() bool {
			return strings.HasPrefix(c.run("root", "s6-svstat", "/run/other/gateway-gone").stdout, "up ")
		}
		c.waitFor("the gateway to be up", up)
		scanner.signal(9)
		scanner.wait()
		c.forget("gone")
		if got := c.pass("--scandir", "/run/other", "--prune"); got.code != 0 || !strings.Contains(got.stderr, `"gateway-gone"`) {
			t.Errorf("exit code %d\n%s", got.code, got.stderr)
		}
		if left, err := filepath.Glob(c.path("/run/other/") + ".gateway-*"); err != nil || len(left) > 0 {
			t.Errorf("left over: %q, %v", left, err)
		}
	})
}
