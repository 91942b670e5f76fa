package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// overlay runs a program as s6-overlay runs its scripts: next to no environment,
// and the working directory of s6-rc's oneshot runner.
func (c *container) overlay(argv ...string) execResult {
	c.t.Helper()
	return c.run("root", c.overlayCommand(argv...)...)
}

func (c *container) overlayCommand(argv ...string) []string {
	c.t.Helper()
	const dir = "/run/s6-rc/servicedirs/s6rc-oneshot-runner"
	if err := os.MkdirAll(c.path(dir), 0o755); err != nil {
		c.t.Fatal(err)
	}
	return append([]string{
		"env", "-i", "-C", dir, "PATH=/command:/usr/bin:/bin", "PWD=" + dir, "RC_NAME=legacy-cont-init",
	}, argv...)
}

// runScripts runs the scripts of a directory in s6-overlay's order and returns
// what the last one, slotgen's, left.
func (c *container) runScripts(dir string) (last execResult) {
	c.t.Helper()
	entries, err := os.ReadDir(c.path(dir)) // in byte order, as s6-sort
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range entries {
		last = c.overlay(dir + "/" + e.Name())
	}
	return last
}

// installHooks puts both scripts into place, the boot script behind one of the image's
// own that makes a profile.
func (c *container) installHooks() {
	c.t.Helper()
	c.mustRun("root", "sh", "-ec", `mkdir -p /etc/cont-init.d /etc/cont-finish.d
slotgen hook cont-init >/etc/cont-init.d/99-slotgen
slotgen hook cont-finish >/etc/cont-finish.d/10-slotgen
printf '#!/bin/sh\nmkdir -p /opt/data/profiles/seeded\n>/opt/data/profiles/seeded/SOUL.md\n' >/etc/cont-init.d/01-image
chmod 0755 /etc/cont-init.d/* /etc/cont-finish.d/*`)
}

// onTerm gives the stand-in gateway of a profile commands for its end.
func (c *container) onTerm(profile, commands string) {
	c.t.Helper()
	c.mkdir(filepath.Join(c.home, "on-term"))
	c.write(filepath.Join(c.home, "on-term", profile), commands)
}

// loggedLines returns what a profile's log holds, without the times.
func (c *container) loggedLines(profile string) []string {
	c.t.Helper()
	dir := filepath.Join(c.home, "logs/gateways", profile)
	entries, err := os.ReadDir(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for _, e := range entries { // rotated files sort before "current"
		if e.Name() != "current" && !strings.HasPrefix(e.Name(), "@") {
			continue
		}
		for line := range strings.Lines(readText(c.t, filepath.Join(dir, e.Name()))) {
			_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			lines = append(lines, text)
		}
	}
	return lines
}

// waitLines waits for a line of each gateway: then it is ready for a TERM.
func (c *container) waitLines(profiles ...string) {
	c.t.Helper()
	for _, name := range profiles {
		c.waitFor("lines of "+name, func() bool {
			records := c.records(name)
			return len(records) > 0 &&
				strings.Contains(readText(c.t, c.console), fmt.Sprintf("%s %s line 2\n", name, records[len(records)-1].pid))
		})
	}
}

// farewell is how many lines a gateway writes while it stops, in about a second.
const farewell = 40

// bootTalkative boots three gateways that have something to say while they stop, after the given
// commands, and finish scripts that do too. It returns when all run.
func (c *container) bootTalkative(commands string) []string {
	c.t.Helper()
	names := []string{"coder", "default", "writer"}
	for _, name := range names {
		c.profile(name, running)
		c.onTerm(name, commands+fmt.Sprintf("i=0\nwhile [ $i -lt %d ]; do i=$((i+1)); echo \"farewell $i\"; sleep 0.02; done\n", farewell))
	}
	c.mustRun("root", "sh", "-ec", `slotgen templates show --file finish >/tmp/finish
mkdir -p /etc/slotgen/templates
sed 's/^case/echo "{{ .Name }} finished with $1"\n&/' /tmp/finish >/etc/slotgen/templates/finish.tmpl`)
	c.installHooks()
	c.boot()
	if got := c.runScripts("/etc/cont-init.d"); got.code != 0 {
		c.t.Fatalf("the boot script exits %d: %s", got.code, got.stderr)
	}
	c.waitLines(names...)
	return names
}

// missingLines tells which of the lines that a gateway and its finish script write
// at the end are in no log.
func (c *container) missingLines(name string) []string {
	c.t.Helper()
	logged := c.loggedLines(name)
	console := readText(c.t, c.console)
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

// The clock only bounds how long it waits.
func TestContainerStopHookEndsGatewaysWhereProcTellsNoTime(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6(), unhurriedStop)
	c.profile("coder", running)
	c.installHooks()
	c.boot()
	if got := c.runScripts("/etc/cont-init.d"); got.code != 0 {
		t.Fatalf("the boot script exits %d: %s", got.code, got.stderr)
	}
	c.waitLines("coder")
	got := c.run("root", "unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec /etc/cont-finish.d/10-slotgen")
	if got != (execResult{}) || c.hasSlot("gateway-coder") {
		t.Errorf("the stop script: %+v", got)
	}
}

func TestContainerStopHookLosesNoLine(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, unhurriedStop)
		names := c.bootTalkative("")
		if got := c.runScripts("/etc/cont-finish.d"); got != (execResult{}) {
			t.Errorf("the stop script: %+v", got)
		}
		for _, name := range names {
			if c.hasSlot("gateway-" + name) {
				t.Errorf("the slot of %s is still to be seen", name)
			}
		}
		c.mustRun("root", "/usr/local/bin/stop", "0.1")
		for _, name := range names {
			if missing := c.missingLines(name); len(missing) > 0 {
				t.Errorf("lost of %s: %q", name, missing)
			}
		}
	})
}

// What the hook is there for: gateways that need more than the grace time.
func TestContainerStopWithoutTheHookLosesLines(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	names := c.bootTalkative("until [ -e /tmp/released ]; do sleep 0.02; done\n")
	c.mustRun("root", "/usr/local/bin/stop", "0.1")
	for _, name := range names {
		if missing := c.missingLines(name); len(missing) == 0 {
			t.Errorf("nothing of %s is lost without the hook: the tests of the hook show nothing", name)
		}
	}
}

// stopClock gives the container a /proc/uptime that stands still, and returns what sets it: the
// stop script reads the time there.
func (c *container) stopClock() (set func(seconds int)) {
	c.t.Helper()
	clock := createFile(c.t, c.path("/tmp/uptime"))
	c.t.Cleanup(func() { clock.Close() })
	set = func(seconds int) {
		c.t.Helper()
		if _, err := clock.WriteAt(fmt.Appendf(nil, "%06d.00 0.00\n", seconds), 0); err != nil {
			c.t.Fatal(err)
		}
	}
	set(100000)
	c.mustRun("root", "mount", "--bind", "/tmp/uptime", "/proc/uptime")
	return set
}

// All gateways share one limit: once it has passed, the script waits for none of them.
func TestContainerStopHookEndsInTime(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, withVar("SLOTGEN_STOP_TIMEOUT", "1500"))
		for _, name := range []string{"stubborn", "stubborn2", "stubborn3", "stubborn4"} {
			c.profile(name, running)
			c.onTerm(name, "while :; do sleep 1; done\n")
		}
		c.profile("parent", running)
		c.onTerm("parent", "sleep 1000 &\n")
		c.profile("well-bred", running)
		c.installHooks()
		setClock := c.stopClock()
		c.boot()
		c.runScripts("/etc/cont-init.d")
		c.waitLines("stubborn", "stubborn2", "stubborn3", "stubborn4", "parent", "well-bred")
		c.mkdir(c.path("/run/service/.gateway-stubborn4.old")) // it can't be hidden
		stop := c.spawn("root", c.overlayCommand("/etc/cont-finish.d/10-slotgen")...)
		c.waitFor("the others and their loggers to end", func() bool {
			n := c.supervisors()
			return n["gateway-well-bred"]+n["gateway-well-bred/log"]+n["gateway-default"]+n["gateway-default/log"] == 0
		})
		setClock(100002)
		got := stop.wait()
		want := "slotgen: warning: not ended after 1500 ms: gateway-parent gateway-stubborn gateway-stubborn2 gateway-stubborn3 gateway-stubborn4\n"
		if got.code != 1 || got.stderr != want {
			t.Errorf("exit code %d, stderr %q, want %q", got.code, got.stderr, want)
		}
		logged := c.loggedLines("well-bred")
		if len(logged) == 0 || !strings.HasSuffix(logged[len(logged)-1], " last") {
			t.Errorf("the log of the well-bred one ends in %q", logged[max(0, len(logged)-1):])
		}
	})
}

func TestContainerStopHookWithNothingToEnd(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6(), withVar("SLOTGEN_STOP_TIMEOUT", "4s"))
	c.installHooks()
	if got := c.runScripts("/etc/cont-finish.d"); got.code != 0 || !strings.Contains(got.stderr, "slotgen: warning: SLOTGEN_STOP_TIMEOUT is no number") {
		t.Errorf("without s6-svscan: %+v", got)
	}
	c.profile("coder", stopped)
	c.mustRun("root", "slotgen", "reconcile")
	if got := c.runScripts("/etc/cont-finish.d"); got.code != 0 {
		t.Errorf("with a slot that nothing supervises: %+v", got)
	}
	if _, err := os.Lstat(c.path("/run/service/gateway-coder/run")); err != nil {
		t.Errorf("a slot that nothing supervises is gone: %v", err)
	}
}

func TestContainerGatewaysComeBackAfterTheStopHook(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, unhurriedStop)
		c.household()
		c.installHooks()
		c.boot()
		c.runScripts("/etc/cont-init.d")
		c.waitUp("gateway-coder", "gateway-default")
		c.waitSupervised("gateway-accounts", "gateway-seeded")
		if got := c.runScripts("/etc/cont-finish.d"); got != (execResult{}) {
			t.Fatalf("the stop script: %+v", got)
		}
		if got := c.runScripts("/etc/cont-init.d"); got.code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.waitUp("gateway-coder", "gateway-default")
		c.waitSupervised("gateway-accounts")
		entries, err := filepath.Glob(c.path("/run/service/.gateway-*"))
		if err != nil || len(entries) > 0 {
			t.Errorf("left hidden: %q, %v", entries, err)
		}
	})
}
