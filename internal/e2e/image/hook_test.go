package image

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// overlay runs a program as s6-overlay runs its scripts: with an almost empty environment, in
// the working directory of s6-rc's oneshot runner.
func overlay(c *harness.Container, argv ...string) harness.ExecResult {
	c.T.Helper()
	return c.Run("root", overlayCommand(c, argv...)...)
}

func overlayCommand(c *harness.Container, argv ...string) []string {
	c.T.Helper()
	const dir = "/run/s6-rc/servicedirs/s6rc-oneshot-runner"
	if err := os.MkdirAll(c.Path(dir), 0o755); err != nil {
		c.T.Fatal(err)
	}
	return append([]string{
		"env", "-i", "-C", dir, "PATH=/command:/usr/bin:/bin", "PWD=" + dir, "RC_NAME=legacy-cont-init",
	}, argv...)
}

// runScripts runs the scripts of a directory in s6-overlay's order. It returns the result of the
// last one, which is slotgen's.
func runScripts(c *harness.Container, dir string) (last harness.ExecResult) {
	c.T.Helper()
	entries, err := os.ReadDir(c.Path(dir)) // in byte order, like s6-sort
	if err != nil {
		c.T.Fatal(err)
	}
	for _, e := range entries {
		last = overlay(c, dir+"/"+e.Name())
	}
	return last
}

// installHooks installs both scripts. An earlier boot script, which stands for the image's own,
// makes a profile.
func installHooks(c *harness.Container) {
	c.T.Helper()
	c.MustRun("root", "sh", "-ec", `mkdir -p /etc/cont-init.d /etc/cont-finish.d
slotgen hook cont-init >/etc/cont-init.d/99-slotgen
slotgen hook cont-finish >/etc/cont-finish.d/10-slotgen
printf '#!/bin/sh\nmkdir -p /opt/data/profiles/seeded\n>/opt/data/profiles/seeded/SOUL.md\n' >/etc/cont-init.d/01-image
chmod 0755 /etc/cont-init.d/* /etc/cont-finish.d/*`)
}

// loggedLines returns the lines in a profile's log without their time stamps.
func loggedLines(c *harness.Container, profile string) []string {
	c.T.Helper()
	dir := filepath.Join(c.Home, "logs/gateways", profile)
	entries, err := os.ReadDir(dir)
	if err != nil {
		c.T.Fatal(err)
	}
	var lines []string
	for _, e := range entries { // rotated files sort before "current"
		if e.Name() != "current" && !strings.HasPrefix(e.Name(), "@") {
			continue
		}
		for line := range strings.Lines(harness.ReadText(c.T, filepath.Join(dir, e.Name()))) {
			_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			lines = append(lines, text)
		}
	}
	return lines
}

// waitLines waits until each gateway has printed a line. Then the gateway handles TERM.
func waitLines(c *harness.Container, profiles ...string) {
	c.T.Helper()
	for _, name := range profiles {
		c.WaitFor("lines of "+name, func() bool {
			records := c.Records(name)
			return len(records) > 0 &&
				strings.Contains(harness.ReadText(c.T, c.Console), fmt.Sprintf("%s %s line 2\n", name, records[len(records)-1].PID))
		})
	}
}

// farewell is the number of lines that a gateway writes when it stops. That takes about a second.
const farewell = 40

// bootTalkative boots three gateways and returns when all run. On TERM each of them runs the given
// commands and then writes lines. Their finish scripts write a line too.
func bootTalkative(c *harness.Container, commands string) []string {
	c.T.Helper()
	names := []string{"coder", "default", "writer"}
	for _, name := range names {
		c.Profile(name, harness.Running)
		c.OnTerm(name, commands+fmt.Sprintf("i=0\nwhile [ $i -lt %d ]; do i=$((i+1)); echo \"farewell $i\"; sleep 0.02; done\n", farewell))
	}
	c.MustRun("root", "sh", "-ec", `slotgen templates show --file finish >/tmp/finish
mkdir -p /etc/slotgen/templates
sed 's/^case/echo "{{ .Name }} finished with $1"\n&/' /tmp/finish >/etc/slotgen/templates/finish.tmpl`)
	installHooks(c)
	c.Boot()
	if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
		c.T.Fatalf("the boot script exits %d: %s", got.Code, got.Stderr)
	}
	waitLines(c, names...)
	return names
}

// missingLines returns the lines that a gateway and its finish script wrote at the end but that
// are in no log.
func missingLines(c *harness.Container, name string) []string {
	c.T.Helper()
	logged := loggedLines(c, name)
	console := harness.ReadText(c.T, c.Console)
	var missing []string
	want := []string{name + " finished with 1"}
	for i := 1; i <= farewell; i++ {
		want = append(want, fmt.Sprintf("farewell %d", i))
	}
	for _, line := range want {
		if !slices.Contains(logged, line) {
			missing = append(missing, line)
		}
	}
	if !strings.Contains(console, name+" finished with 1\n") {
		missing = append(missing, "on the console: "+name+" finished with 1")
	}
	if len(logged) == 0 || !slices.ContainsFunc(logged, func(l string) bool {
		return strings.HasPrefix(l, name+" ") && strings.HasSuffix(l, " last")
	}) {
		missing = append(missing, "its last line")
	}
	return missing
}

func TestContainerStopHookLosesNoLine(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		names := bootTalkative(c, "")
		if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 || !strings.HasPrefix(got.Stderr, "slotgen: stop: 4 slots taken down in ") {
			t.Errorf("the stop script: %+v", got)
		}
		for _, name := range names {
			if c.HasSlot("gateway-" + name) {
				t.Errorf("the slot of %s is still to be seen", name)
			}
		}
		c.MustRun("root", "/usr/local/bin/stop", "0.1")
		for _, name := range names {
			if missing := missingLines(c, name); len(missing) > 0 {
				t.Errorf("lost of %s: %q", name, missing)
			}
		}
	})
}

// The hook exists for gateways that need more than the grace time.
func TestContainerStopWithoutTheHookLosesLines(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	names := bootTalkative(c, "until [ -e /tmp/released ]; do sleep 0.02; done\n")
	c.MustRun("root", "/usr/local/bin/stop", "0.1")
	for _, name := range names {
		if missing := missingLines(c, name); len(missing) == 0 {
			t.Errorf("nothing of %s is lost without the hook: the tests of the hook show nothing", name)
		}
	}
}

// All gateways share one time limit. After it, stop waits for none of them.
func TestContainerStopHookEndsInTime(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("SLOTGEN_STOP_TIMEOUT", "8000"))
		for _, name := range []string{"stubborn", "stubborn2"} {
			c.Profile(name, harness.Running)
			c.OnTerm(name, "while :; do sleep 1; done\n")
		}
		c.Profile("parent", harness.Running)
		c.OnTerm("parent", "sleep 1000 &\n")
		c.Profile("well-bred", harness.Running)
		installHooks(c)
		c.Boot()
		runScripts(c, "/etc/cont-init.d")
		waitLines(c, "stubborn", "stubborn2", "parent", "well-bred")
		got := runScripts(c, "/etc/cont-finish.d")
		want := "slotgen: error: not ended after 8000 ms: gateway-parent, gateway-stubborn, gateway-stubborn2\n"
		if got.Code != 1 || !strings.HasSuffix(got.Stderr, want) {
			t.Errorf("exit code %d, stderr %q, want %q", got.Code, got.Stderr, want)
		}
		logged := loggedLines(c, "well-bred")
		if len(logged) == 0 || !strings.HasSuffix(logged[len(logged)-1], " last") {
			t.Errorf("the log of the well-bred one ends in %q", logged[max(0, len(logged)-1):])
		}
		if logged := loggedLines(c, "parent"); c.Supervisors()["gateway-parent/log"] != 1 {
			t.Errorf("the logger of a gateway whose child still runs has ended after %q", logged[max(0, len(logged)-1):])
		}
	})
}

func TestContainerStopHookWithNothingToEnd(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6(), harness.WithVar("SLOTGEN_STOP_TIMEOUT", "4s"))
	installHooks(c)
	if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 || !strings.Contains(got.Stderr, "slotgen: warning: SLOTGEN_STOP_TIMEOUT \"4s\": not a whole number: using 4000") {
		t.Errorf("without s6-svscan: %+v", got)
	}
	c.Profile("coder", harness.Stopped)
	c.MustRun("root", "slotgen", "reconcile", "--resume")
	if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
		t.Errorf("with a slot that nothing supervises: %+v", got)
	}
	if _, err := os.Lstat(c.Path("/run/service/gateway-coder/run")); err != nil {
		t.Errorf("a slot that nothing supervises is gone: %v", err)
	}
}

func TestContainerGatewaysComeBackAfterTheStopHook(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Household()
		installHooks(c)
		c.Boot()
		runScripts(c, "/etc/cont-init.d")
		c.WaitUp("gateway-coder", "gateway-default")
		c.WaitSupervised("gateway-accounts", "gateway-seeded")
		if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
			t.Fatalf("the stop script: %+v", got)
		}
		if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("gateway-coder", "gateway-default")
		c.WaitSupervised("gateway-accounts")
		entries, err := filepath.Glob(c.Path("/run/service/.gateway-*"))
		if err != nil || len(entries) > 0 {
			t.Errorf("left hidden: %q, %v", entries, err)
		}
	})
}
