package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

func TestContainerOverridesOfThePageWorkAsPrinted(t *testing.T) {
	blocks := harness.MarkedBlocks(t, "sh override")
	if len(blocks) != 4 {
		t.Fatalf("the pages have %d overrides, want 4", len(blocks))
	}
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Profile("writer", harness.Running)
		harness.CheckSession(t, blocks, c.MustRun("root", "sh", "-c", harness.SessionScript(blocks)))
		const program = `printf '#!/bin/sh\nid -u >/opt/data/began-$1\nexec sleep 600\n' >/usr/local/bin/my-gateway`
		c.MustRun("root", "sh", "-ec", program+"\nchmod 0755 /usr/local/bin/my-gateway")
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-writer", "gateway-writer/log")
		if got := harness.ReadText(t, c.Path("/run/service/gateway-coder/notification-fd")); got != "3\n" {
			t.Errorf("notification-fd is %q", got)
		}
		if _, err := os.Lstat(c.Path("/run/service/gateway-writer/notification-fd")); err == nil {
			t.Error("writer has coder's notification-fd")
		}
		c.WaitFor("coder's own program to run as the user", func() bool {
			began, _ := os.ReadFile(filepath.Join(c.Home, "began-coder"))
			return string(began) == "10000\n"
		})
		pid := strings.TrimSpace(c.MustRun("root", "s6-svstat", "-p", "/run/service/gateway-writer"))
		c.WaitFor("writer to run under its limit", func() bool {
			limits := c.Run("root", "cat", "/proc/"+pid+"/limits").Stdout
			return strings.Contains(limits, "Max address space         8589934592")
		})
		c.WaitFor("writer's logger to rotate as told", func() bool {
			pid := strings.TrimSpace(c.Run("root", "s6-svstat", "-p", "/run/service/gateway-writer/log").Stdout)
			args := strings.ReplaceAll(c.Run("root", "cat", "/proc/"+pid+"/cmdline").Stdout, "\x00", " ")
			return strings.Contains(args, "s6-log -p 1 n20 s16000000 T /opt/data/logs/gateways/writer")
		})
	})
}

func TestContainerReadOnlyMountOfAnotherUserIsTaken(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("coder", harness.Running)
	dir := filepath.Join(c.Home, "overrides")
	c.Mkdir(dir)
	c.Write(filepath.Join(dir, "timeout-kill.tmpl"), "5000\n")
	got := c.Run("root", "slotgen", "reconcile", "--templates", "/opt/data/overrides")
	if got.Code != 1 || !strings.Contains(got.Stderr, "belongs to uid 10000") || !strings.Contains(got.Stderr, "hint: mount the override directory read-only") {
		t.Errorf("a directory that a user may write: exit code %d\n%s", got.Code, got.Stderr)
	}
	if _, err := os.Lstat(c.Path("/run/service/gateway-coder")); err == nil {
		t.Error("a slot was published from it")
	}
	c.MustRun("root", "sh", "-ec", `mkdir -p /etc/slotgen/templates
mount --bind /opt/data/overrides /etc/slotgen/templates
mount -o remount,bind,ro /etc/slotgen/templates
slotgen reconcile`)
	if got := harness.ReadText(t, c.Path("/run/service/gateway-coder/timeout-kill")); got != "5000\n" {
		t.Errorf("timeout-kill is %q", got)
	}
}
