package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContainerOverridesOfReadmeWorkAsPrinted(t *testing.T) {
	blocks := readmeBlocks(t, "override")
	if len(blocks) != 4 {
		t.Fatalf("README has %d overrides, want 4", len(blocks))
	}
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.profile("writer", running)
		for _, block := range blocks {
			c.mustRun("root", "sh", "-ec", block)
		}
		const program = `printf '#!/bin/sh\nid -u >/opt/data/began-$1\nexec sleep 600\n' >/usr/local/bin/my-gateway`
		c.mustRun("root", "sh", "-ec", program+"\nchmod 0755 /usr/local/bin/my-gateway")
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-coder", "gateway-writer", "gateway-writer/log")
		if got := readText(t, c.path("/run/service/gateway-coder/notification-fd")); got != "3\n" {
			t.Errorf("notification-fd is %q", got)
		}
		if _, err := os.Lstat(c.path("/run/service/gateway-writer/notification-fd")); err == nil {
			t.Error("writer has coder's notification-fd")
		}
		c.waitFor("coder's own program to run as the user", func() bool {
			began, _ := os.ReadFile(filepath.Join(c.home, "began-coder"))
			return string(began) == "10000\n"
		})
		pid := strings.TrimSpace(c.mustRun("root", "s6-svstat", "-p", "/run/service/gateway-writer"))
		c.waitFor("writer to run under its limit", func() bool {
			limits := c.run("root", "cat", "/proc/"+pid+"/limits").stdout
			return strings.Contains(limits, "Max address space         8589934592")
		})
		c.waitFor("writer's logger to rotate as told", func() bool {
			pid := strings.TrimSpace(c.run("root", "s6-svstat", "-p", "/run/service/gateway-writer/log").stdout)
			args := strings.ReplaceAll(c.run("root", "cat", "/proc/"+pid+"/cmdline").stdout, "\x00", " ")
			return strings.Contains(args, "s6-log -p 1 n20 s16000000 T /opt/data/logs/gateways/writer")
		})
	})
}

func TestContainerReadOnlyMountOfAnotherUserIsTaken(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.profile("coder", running)
	dir := filepath.Join(c.home, "overrides")
	c.mkdir(dir)
	c.write(filepath.Join(dir, "timeout-kill.tmpl"), "5000\n")
	got := c.run("root", "slotgen", "reconcile", "--templates", "/opt/data/overrides")
	if got.code != 1 || !strings.Contains(got.stderr, "belongs to uid 10000") || !strings.Contains(got.stderr, "hint: mount the override directory read-only") {
		t.Errorf("a directory that a user may write: exit code %d\n%s", got.code, got.stderr)
	}
	if _, err := os.Lstat(c.path("/run/service/gateway-coder")); err == nil {
		t.Error("a slot was published from it")
	}
	c.mustRun("root", "sh", "-ec", `mkdir -p /etc/slotgen/templates
mount --bind /opt/data/overrides /etc/slotgen/templates
mount -o remount,bind,ro /etc/slotgen/templates
slotgen reconcile`)
	if got := readText(t, c.path("/run/service/gateway-coder/timeout-kill")); got != "5000\n" {
		t.Errorf("timeout-kill is %q", got)
	}
}
