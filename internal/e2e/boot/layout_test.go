package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// tenants gives a container the layout of an image whose volume holds a directory for each
// tenant.
func tenants(c *harness.Container) {
	for name, value := range map[string]string{
		"SLOTGEN_PROFILES": ".", "SLOTGEN_MARKER": "tenant.yaml", "SLOTGEN_PREFIX": "tenant-",
		"SLOTGEN_DEFAULT_PROFILE": "off", "SLOTGEN_STATE_FILE": "none", "SLOTGEN_STALE_FILES": "none",
		"SLOTGEN_PRUNE_AFTER": "2s",
	} {
		harness.WithVar(name, value)(c)
	}
}

func tenant(c *harness.Container, name string) {
	c.T.Helper()
	c.Mkdir(filepath.Join(c.Home, name))
	c.Write(filepath.Join(c.Home, name, "processes.json"), "{}")
	c.Write(filepath.Join(c.Home, name, "tenant.yaml"), "port: 1\n")
}

// runHook runs a script that slotgen prints, as s6-overlay does: only with-contenv gives it the
// settings.
func runHook(c *harness.Container, kind string) harness.ExecResult {
	c.T.Helper()
	return c.Run("root", "sh", "-ec", "slotgen hook "+kind+" >/tmp/hook; chmod 755 /tmp/hook; exec env -i PATH=/command:/usr/bin:/bin /tmp/hook")
}

// named returns the paths in the scandir, and the supervised services, whose names have the word.
func named(c *harness.Container, word string) []string {
	c.T.Helper()
	all, err := filepath.Glob(c.Path("/run/service/*" + word + "*"))
	if err != nil {
		c.T.Fatal(err)
	}
	hidden, err := filepath.Glob(c.Path("/run/service/.*" + word + "*"))
	if err != nil {
		c.T.Fatal(err)
	}
	all = append(all, hidden...)
	for service := range c.Supervisors() {
		if strings.Contains(service, word) {
			all = append(all, service)
		}
	}
	return all
}

// A volume of another image boots; its tenants come and go under a watch; stop ends them all.
// The names of the default layout are somebody else's there.
func TestContainerVolumeOfAnotherImage(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, tenants, harness.UnhurriedStop)
		for _, name := range []string{"ann", "bob", "default"} {
			tenant(c, name)
		}
		c.Profile("coder", harness.Running)
		c.Mkdir(filepath.Join(c.Home, "logs"))
		c.Write(filepath.Join(c.Home, "logs/tenant.yaml"), "")
		c.MustRun("root", "sh", "-ec", `mkdir /run/service/gateway-other
echo longrun >/run/service/gateway-other/type
printf '#!/bin/sh\nexec sleep 100000\n' >/run/service/gateway-other/run
chmod 755 /run/service/gateway-other/run`)
		c.Boot()
		c.WaitUp("gateway-other")
		if got := runHook(c, "cont-init"); got.Code != 0 || strings.Contains(got.Stderr, "gateway-") {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("tenant-ann", "tenant-bob", "tenant-default")

		c.MustRun("root", "slotgen", "hook", "watch", "--out", "/run/service/slotgen-watch")
		c.MustRun("root", "s6-svscanctl", "-a", "/run/service")
		c.WaitSupervised("slotgen-watch")
		tenant(c, "late")
		if err := os.RemoveAll(filepath.Join(c.Home, "bob")); err != nil {
			t.Fatal(err)
		}
		c.WaitUp("tenant-late")
		c.WaitFor("the slot of bob to go", func() bool { return len(named(c, "tenant-bob")) == 0 })
		status := c.MustRun("hermes", "slotgen", "status")
		for _, name := range []string{"ann", "default", "late"} {
			if !strings.Contains(status, "\n"+name+" ") {
				t.Errorf("status has no row for %s:\n%s", name, status)
			}
		}
		for _, word := range []string{"gateway-coder", "tenant-logs", "tenant-profiles", "tenant-record"} {
			if got := named(c, word); len(got) > 0 || strings.Contains(status, "\ncoder ") {
				t.Errorf("%q is no tenant's; status:\n%s", got, status)
			}
		}
		if !harness.Exists(filepath.Join(c.Home, "ann/processes.json")) {
			t.Error("a file that is not stale is gone")
		}

		for _, name := range []string{"ann", "late"} { // they catch TERM by then
			c.WaitFor(name+" to print", func() bool { return len(c.LogLines(name)) > 0 })
		}
		if got := runHook(c, "cont-finish"); got.Code != 0 {
			t.Errorf("the stop script: %+v", got)
		}
		if left := named(c, "tenant-"); len(left) > 0 {
			t.Errorf("left after stop: %q", left)
		}
		if !c.IsUp("gateway-other") {
			t.Error("stop ended a service that is not slotgen's")
		}
		for _, name := range []string{"ann", "late"} {
			if lines := c.LogLines(name); !strings.HasSuffix(lines[len(lines)-1], " last") {
				t.Errorf("the log of %s ends in %q", name, lines[len(lines)-1])
			}
		}
	})
}
