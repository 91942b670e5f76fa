package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// profile makes a profile on the container's volume, with the given content of
// gateway_state.json, or none.
func (c *container) profile(name, state string) {
	c.t.Helper()
	dir := c.home
	if name != "default" {
		dir = filepath.Join(c.home, "profiles", name)
	}
	c.mkdir(dir)
	if state != "" {
		c.write(filepath.Join(dir, "gateway_state.json"), state)
	}
	// Last: with it the directory is a profile, for whoever looks meanwhile.
	c.write(filepath.Join(dir, "SOUL.md"), "# Soul\n")
}

func (c *container) mkdir(dir string) {
	c.t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	for d := dir; strings.HasPrefix(d, c.home); d = filepath.Dir(d) {
		if err := os.Chown(d, hermesID, hermesID); err != nil {
			c.t.Fatal(err)
		}
	}
}

// write writes a file of hermes' on the volume.
func (c *container) write(path, text string) {
	c.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chown(path, hermesID, hermesID); err != nil {
		c.t.Fatal(err)
	}
}

// exitWith makes the stand-in gateway of a profile end at once with a code.
func (c *container) exitWith(profile string, code int) {
	c.t.Helper()
	c.mkdir(filepath.Join(c.home, "exit-with"))
	c.write(filepath.Join(c.home, "exit-with", profile), fmt.Sprintln(code))
}

const (
	running = `{"gateway_state": "running"}`
	stopped = `{"gateway_state": "running", "desired_state": "stopped"}`
)

// household is a volume with a gateway in every state that matters at boot.
func (c *container) household() {
	c.t.Helper()
	c.profile("default", running)
	c.profile("coder", `{"gateway_state": "starting", "desired_state": "running"}`)
	c.profile("night_watch", `{"gateway_state": "draining"}`)
	c.profile("accounts", stopped)
	c.profile("broken-bot", `{"gateway_state": "startup_failed"}`)
	c.profile("2nd-desk", "")
}

func (c *container) waitUp(slots ...string) {
	c.t.Helper()
	for _, slot := range slots {
		c.waitFor(slot+" to be up", func() bool { return c.isUp(slot) })
	}
}

// waitSupervised waits for a slot that stays down to have its supervisor.
func (c *container) waitSupervised(slots ...string) {
	c.t.Helper()
	for _, slot := range slots {
		c.waitFor(slot+" to be supervised", func() bool { return c.isSupervised(slot) })
	}
}

// checkDown holds that a supervisor leaves its service down, by what it notes when it starts.
func (c *container) checkDown(slots ...string) {
	c.t.Helper()
	c.waitSupervised(slots...)
	for _, slot := range slots {
		c.waitFor("the status of "+slot, func() bool { return exists(c.path("/run/service/" + slot + "/supervise/status")) })
		if got := c.svstat(slot); !strings.HasPrefix(got, "down ") || strings.Contains(got, "want up") {
			c.t.Errorf("%s: %s, want down", slot, got)
		}
	}
}

func TestContainerBootStartsWhatRan(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, withVar("TELEGRAM_BOT_TOKEN", "000000:example"), withVar("uid", "mine"))
		c.household()
		c.mustRun("root", "slotgen", "reconcile", "--env", "GREETING=it's $HOME, \"you\"")
		c.boot()
		c.waitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		c.checkDown("gateway-accounts", "gateway-broken-bot", "gateway-2nd-desk")
		c.waitFor("the gateways' records", func() bool {
			return len(c.records("coder")) > 0 && len(c.records("default")) > 0
		})
		checkRecord(t, c.records("coder")[0], "-p", "coder", "gateway", "run", "--replace")
		checkRecord(t, c.records("default")[0], "gateway", "run", "--replace")
		if uid := c.records("coder")[0].env["uid"]; uid != "mine" {
			t.Errorf("the container's own variable uid is %q", uid)
		}
		if n := len(c.records("accounts")); n > 0 {
			t.Errorf("a gateway that was stopped ran %d times", n)
		}
		current := filepath.Join(c.home, "logs/gateways/coder/current")
		c.waitFor("log lines of coder", func() bool {
			text, _ := os.ReadFile(current)
			return strings.Contains(string(text), "  coder ")
		})
	})
}

// checkRecord holds a gateway's own record of how it was run against the design.
func checkRecord(t *testing.T, r hermesRecord, args ...string) {
	t.Helper()
	if diff := cmp.Diff(args, r.args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if r.uid != "10000" || r.gid != "10000" || r.groups != "10000" {
		t.Errorf("ran as uid %s, gid %s, groups %s; want hermes and no group of root's", r.uid, r.gid, r.groups)
	}
	if r.dir != "/opt/data" {
		t.Errorf("ran in %q, want the home", r.dir)
	}
	want := map[string]string{
		"HERMES_HOME": "/opt/data", "HOME": "/opt/data",
		"HERMES_S6_SUPERVISED_CHILD": "1", "HERMES_SUPERVISED_CHILD": "1",
		"GREETING": `it's $HOME, "you"`, "TELEGRAM_BOT_TOKEN": "000000:example",
	}
	for name, value := range want {
		if r.env[name] != value {
			t.Errorf("%s=%q, want %q", name, r.env[name], value)
		}
	}
}

func TestContainerExitCodeDecidesOverRestart(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		for name, code := range map[string]int{"quits": 0, "misconfigured": 78, "crashes": 1} {
			c.profile(name, running)
			c.exitWith(name, code)
		}
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitFor("the crashing gateway to be restarted twice", func() bool {
			return len(c.records("crashes")) >= 3
		})
		for _, name := range []string{"quits", "misconfigured"} {
			c.waitFor(name+" to be down for good or to run again", func() bool {
				got := c.svstat("gateway-" + name)
				return strings.HasPrefix(got, "down (exitcode ") && !strings.Contains(got, "want up") || len(c.records(name)) > 1
			})
			if n := len(c.records(name)); n != 1 {
				t.Errorf("%s ran %d times, want once", name, n)
			}
		}
	})
}

func TestContainerUserControlsItsServices(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.mustRun("root", "slotgen", "reconcile", "--profile", "coder")
		c.boot()
		c.waitFor("coder's record", func() bool { return len(c.records("coder")) > 0 })
		const slot = "/run/service/gateway-coder"
		for _, user := range []string{"hermes", "friend"} {
			c.mustRun(user, "s6-svok", slot)
			c.mustRun(user, "s6-svc", "-d", slot)
			c.waitFor("coder to go down", func() bool {
				return strings.HasPrefix(c.mustRun(user, "s6-svstat", slot), "down ")
			})
			before := len(c.records("coder"))
			c.mustRun(user, "s6-svc", "-u", slot)
			c.waitFor("coder to be started", func() bool { return len(c.records("coder")) > before })
			c.mustRun(user, "s6-svc", "-t", slot)
			c.waitFor("coder to be restarted", func() bool { return len(c.records("coder")) > before+1 })
			c.mustRun(user, "s6-svstat", slot+"/log")
			pid := c.mustRun(user, "s6-svstat", "-p", slot+"/log")
			c.mustRun(user, "s6-svc", "-h", slot+"/log")
			c.waitFor("the logger to be restarted", func() bool {
				now := c.mustRun(user, "s6-svstat", "-p", slot+"/log")
				return now != pid && strings.TrimSpace(now) != "-1"
			})
			if c.run(user, "s6-svwait", "-t", "1000", "-u", slot).code != 111 {
				t.Errorf("%s may use s6-svwait, which the form group does not give", user)
			}
		}
		for _, argv := range [][]string{{"s6-svok", slot}, {"s6-svstat", slot}, {"s6-svc", "-d", slot}, {"s6-svc", "-h", slot + "/log"}} {
			if got := c.run("stranger", argv...); got.code == 0 {
				t.Errorf("a stranger may use %q", argv)
			}
		}
	})
}

func TestContainerEventsAccessGivesSvwait(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.mustRun("root", "slotgen", "reconcile", "--supervise-access", "events")
		c.boot()
		c.waitUp("gateway-coder")
		const slot = "/run/service/gateway-coder"
		c.mustRun("hermes", "s6-svwait", "-t", hangLimitMS, "-u", slot)
		c.mustRun("hermes", "s6-svc", "-wD", "-T", hangLimitMS, "-d", slot)
		if got := c.run("stranger", "s6-svwait", "-t", "1000", "-u", slot); got.code != 111 {
			t.Errorf("a stranger's s6-svwait ends with %d", got.code)
		}
	})
}

func TestContainerRestartRestoresWhatRan(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.household()
		boot := func() {
			c.mustRun("root", "slotgen", "reconcile")
			c.boot()
			c.waitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		}
		boot()
		for _, name := range []string{"gateway.pid", "processes.json"} {
			c.write(filepath.Join(c.home, "profiles/coder", name), "1\n")
		}
		c.restart()
		if entries, err := os.ReadDir(c.path("/run/service")); err != nil || len(entries) > 0 {
			t.Fatalf("the scandir outlived the restart: %v %v", entries, err)
		}
		boot()
		c.checkDown("gateway-accounts")
		for _, name := range []string{"gateway.pid", "processes.json"} {
			if _, err := os.Lstat(filepath.Join(c.home, "profiles/coder", name)); err == nil {
				t.Errorf("%s of the dead container is still there", name)
			}
		}
		if n := len(c.records("accounts")); n > 0 {
			t.Errorf("a gateway that was stopped ran %d times", n)
		}
		log := readText(t, filepath.Join(c.home, "logs/container-boot.log"))
		if n := strings.Count(log, " profile=coder prior_state=running action=started "); n != 2 {
			t.Errorf("the boot log tells of %d starts of coder, want 2:\n%s", n, log)
		}
	})
}

// In an s6-overlay container s6-svscan listens before cont-init scripts run,
// and those have next to no environment.
func TestContainerBootScriptPublishesBeforeARunningScanner(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, withVar("HERMES_HOME", "/opt/data"))
		c.household()
		c.profile("Bad", running)
		c.boot()
		script := c.mustRun("root", "slotgen", "hook", "cont-init")
		path := c.path("/usr/local/bin/99-slotgen")
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		c.mustRun("root", "env", "-i", "PATH=/command:/usr/bin:/bin", "RC_NAME=cont-init", "/usr/local/bin/99-slotgen")
		c.waitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		c.checkDown("gateway-accounts")
		if c.hasSlot("gateway-Bad") {
			t.Error("a profile with a bad name has a slot")
		}
	})
}
