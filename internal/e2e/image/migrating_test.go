package image

import (
	"slices"
	"testing"

	"slotgen/internal/e2e/harness"
)

// The page replaces the boot script of the Python pass, and tells what parks a gateway then.
func TestContainerPageOnMovingFromThePythonPass(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.MustRun("root", "sh", "-ec", `mkdir -p /etc/cont-init.d
touch /etc/cont-init.d/01-hermes-setup /etc/cont-init.d/015-supervise-perms /etc/cont-init.d/02-reconcile-profiles
chmod 0755 /etc/cont-init.d/*
cp /usr/local/bin/slotgen /slotgen`)
		buildFrom(c, dockerfileOf(t, "docs/migrating.md"))
		want := []string{"01-hermes-setup", "015-supervise-perms", "99-slotgen"}
		if got := harness.NamesIn(t, c.Path("/etc/cont-init.d")); !slices.Equal(got, want) {
			t.Errorf("the scripts are %q, want %q", got, want)
		}
		c.Profile("coder", harness.Running)
		c.Boot()
		if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("gateway-default")
		c.CheckDown("gateway-coder")

		slot := "/run/service/gateway-default"
		isDown := func() bool { return harness.Exists(c.Path(slot + "/down")) }
		c.MustRun("hermes", "s6-svc", "-D", slot)
		c.WaitFor("a down file and the gateway's end", func() bool { return isDown() && !c.IsUp("gateway-default") })
		c.MustRun("hermes", "s6-svc", "-U", slot)
		c.WaitFor("no down file and the gateway", func() bool { return !isDown() && c.IsUp("gateway-default") })
		for _, argv := range [][]string{
			{"touch", slot + "/down"},
			{"mkdir", "/run/service/.gateway-coder.tmp"},
			{"s6-svwait", "-U", "-t", "1000", slot},
		} {
			if got := c.Run("hermes", argv...); got.Code == 0 {
				t.Errorf("the user may %q", argv)
			}
		}
	})
}
