package image

import (
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// startWatch installs the service of the watch and starts it as s6-overlay starts its services.
func startWatch(c *harness.Container) {
	c.T.Helper()
	c.MustRun("root", "sh", "-ec", `slotgen hook watch --out /etc/services.d/slotgen-watch
mkdir -p /run/s6/legacy-services
cp -a /etc/services.d/slotgen-watch /run/s6/legacy-services
ln -s ../s6/legacy-services/slotgen-watch /run/service
s6-svscanctl -a /run/service`)
}

func TestContainerWatchServiceReportsItsReadiness(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Boot()
		startWatch(c)
		c.WaitSupervised("slotgen-watch")
		c.MustRun("root", "s6-svwait", "-U", "-t", harness.HangLimitMS, "/run/service/slotgen-watch")
		if !c.HasSlot("gateway-coder") {
			t.Error("the watch is ready before the slots are there")
		}
		c.MustRun("root", "s6-svc", "-wR", "-T", harness.HangLimitMS, "-t", "/run/service/slotgen-watch")
		c.WaitUp("slotgen-watch")
	})
}

// A restart would fail once a second with the same error.
func TestContainerWatchServiceStaysDownAfterAWrongSetting(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("SLOTGEN_AUTOSTART", "nonsense"))
		c.Boot()
		startWatch(c)
		errors := func() int { return strings.Count(harness.ReadText(t, c.Console), "slotgen: error:") }
		var stat string
		c.WaitFor("the end of the watch", func() bool {
			stat = c.Svstat("slotgen-watch")
			return strings.HasPrefix(stat, "down (exitcode 2)") && !strings.Contains(stat, "want up") || errors() > 1
		})
		if n := errors(); n != 1 {
			t.Errorf("%d errors, and %s%s", n, stat, harness.ReadText(t, c.Console))
		}
	})
}
