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
	c.WaitSupervised("slotgen-watch")
}

func TestContainerWatchServiceReportsItsReadiness(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Boot()
		startWatch(c)
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

// checkQuiet checks that each message of slotgen in a text is a warning, an error or a hint.
func checkQuiet(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		kind, isMessage := strings.CutPrefix(line, "slotgen: ")
		if isMessage && !strings.HasPrefix(kind, "warning: ") && !strings.HasPrefix(kind, "error: ") && !strings.HasPrefix(kind, "hint: ") {
			t.Errorf("at S6_VERBOSITY 0 it says %q", line)
		}
	}
}

func TestContainerBootAndStopAreQuietAtVerbosityZero(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop, harness.WithVar("S6_VERBOSITY", "0"))
	c.Profile("coder", harness.Running)
	c.Profile("Bad", harness.Running)
	installHooks(c)
	c.Boot()
	c.MustRun("root", "slotgen", "hook", "s6-rc", "--out", "/tmp/rc")
	for name, argv := range map[string][]string{
		"the boot script": {"/etc/cont-init.d/99-slotgen"},
		"the oneshot":     {"/command/execlineb", "-Pc", harness.ReadText(t, c.Path("/tmp/rc/slotgen/up"))},
	} {
		got := overlay(c, argv...)
		if got.Code != 0 || got.Stdout != "" || !strings.Contains(got.Stderr, `slotgen: warning: skipping profile "Bad"`) {
			t.Errorf("%s: %+v", name, got)
		}
		checkQuiet(t, got.Stderr)
	}
	startWatch(c)
	c.WaitUp("slotgen-watch")
	c.Profile("late", harness.Stopped)
	c.WaitSupervised("gateway-late")
	c.MustRun("root", "s6-svc", "-wD", "-T", harness.HangLimitMS, "-d", "/run/service/slotgen-watch")
	if got := overlay(c, "/etc/cont-finish.d/10-slotgen"); got != (harness.ExecResult{}) {
		t.Errorf("the stop script: %+v", got)
	}
	console := harness.ReadText(t, c.Console)
	if !strings.Contains(console, `slotgen: warning: skipping profile "Bad"`) {
		t.Errorf("the watch does not warn:\n%s", console)
	}
	checkQuiet(t, console)
}

// The Hermes image has a script that gives the supervise directories of s6-rc's services to the
// user.
func TestContainerSuperviseDirectoriesOfTheUsersAreNamed(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Boot()
		startWatch(c)
		c.MustRun("root", "s6-svwait", "-U", "-t", harness.HangLimitMS, "/run/service/slotgen-watch")
		c.WaitUp("gateway-coder")
		const risk = ` belongs to uid 10000, who can thereby control the service`
		if text := harness.ReadText(t, c.Console); strings.Contains(text, risk) {
			t.Errorf("it warns of what belongs to root:\n%s", text)
		}
		c.MustRun("root", "chown", "-R", "hermes", "/run/service/gateway-coder/supervise", "/run/s6/legacy-services/slotgen-watch/supervise")
		got := c.Run("root", "slotgen", "reconcile")
		if want := `slotgen: warning: "/run/service/gateway-coder/supervise"` + risk; got.Code != 0 || strings.Count(got.Stderr, want) != 1 {
			t.Errorf("the pass: %+v", got)
		}
		c.MustRun("root", "s6-svc", "-wR", "-T", harness.HangLimitMS, "-t", "/run/service/slotgen-watch")
		want := `slotgen: warning: "/run/s6/legacy-services/slotgen-watch/supervise"` + risk
		c.WaitFor("a warning of the watch", func() bool { return strings.Count(harness.ReadText(t, c.Console), want) == 1 })
	})
}
