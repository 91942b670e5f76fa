package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/e2e/harness"
)

func TestContainerBootStartsWhatRan(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("TELEGRAM_BOT_TOKEN", "000000:example"), harness.WithVar("uid", "mine"))
		c.Household()
		c.MustRun("root", "slotgen", "reconcile", "--env", "GREETING=it's $HOME, \"you\"")
		c.Boot()
		c.WaitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		c.CheckDown("gateway-accounts", "gateway-broken-bot", "gateway-2nd-desk")
		c.WaitFor("the gateways' records", func() bool {
			return len(c.Records("coder")) > 0 && len(c.Records("default")) > 0
		})
		checkRecord(t, c.Records("coder")[0], "-p", "coder", "gateway", "run", "--replace")
		checkRecord(t, c.Records("default")[0], "gateway", "run", "--replace")
		if uid := c.Records("coder")[0].Env["uid"]; uid != "mine" {
			t.Errorf("the container's own variable uid is %q", uid)
		}
		if n := len(c.Records("accounts")); n > 0 {
			t.Errorf("a gateway that was stopped ran %d times", n)
		}
		current := filepath.Join(c.Home, "logs/gateways/coder/current")
		c.WaitFor("log lines of coder", func() bool {
			text, _ := os.ReadFile(current)
			return strings.Contains(string(text), "  coder ")
		})
	})
}

// checkRecord checks the record of a gateway's start against the design.
func checkRecord(t *testing.T, r harness.HermesRecord, args ...string) {
	t.Helper()
	if diff := cmp.Diff(args, r.Args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if r.UID != "10000" || r.GID != "10000" || r.Groups != "10000" {
		t.Errorf("ran as uid %s, gid %s, groups %s; want hermes and no group of root's", r.UID, r.GID, r.Groups)
	}
	if r.Dir != "/opt/data" {
		t.Errorf("ran in %q, want the home", r.Dir)
	}
	want := map[string]string{
		"HERMES_HOME": "/opt/data", "HOME": "/opt/data",
		"HERMES_S6_SUPERVISED_CHILD": "1", "HERMES_SUPERVISED_CHILD": "1",
		"GREETING": `it's $HOME, "you"`, "TELEGRAM_BOT_TOKEN": "000000:example",
	}
	for name, value := range want {
		if r.Env[name] != value {
			t.Errorf("%s=%q, want %q", name, r.Env[name], value)
		}
	}
}

func TestContainerExitCodeDecidesOverRestart(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		for name, code := range map[string]int{"quits": 0, "misconfigured": 78, "crashes": 1} {
			c.Profile(name, harness.Running)
			c.ExitWith(name, code)
		}
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitFor("the crashing gateway to be restarted twice", func() bool {
			return len(c.Records("crashes")) >= 3
		})
		for _, name := range []string{"quits", "misconfigured"} {
			c.WaitFor(name+" to be down for good or to run again", func() bool {
				got := c.Svstat("gateway-" + name)
				return strings.HasPrefix(got, "down (exitcode ") && !strings.Contains(got, "want up") || len(c.Records(name)) > 1
			})
			if n := len(c.Records(name)); n != 1 {
				t.Errorf("%s ran %d times, want once", name, n)
			}
		}
	})
}

func TestContainerUserControlsItsServices(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--profile", "coder")
		c.Boot()
		c.WaitFor("coder's record", func() bool { return len(c.Records("coder")) > 0 })
		const slot = "/run/service/gateway-coder"
		for _, user := range []string{"hermes", "friend"} {
			c.MustRun(user, "s6-svok", slot)
			c.MustRun(user, "s6-svc", "-d", slot)
			c.WaitFor("coder to go down", func() bool {
				return strings.HasPrefix(c.MustRun(user, "s6-svstat", slot), "down ")
			})
			before := len(c.Records("coder"))
			c.MustRun(user, "s6-svc", "-u", slot)
			c.WaitFor("coder to be started", func() bool { return len(c.Records("coder")) > before })
			c.MustRun(user, "s6-svc", "-t", slot)
			c.WaitFor("coder to be restarted", func() bool { return len(c.Records("coder")) > before+1 })
			c.MustRun(user, "s6-svstat", slot+"/log")
			pid := c.MustRun(user, "s6-svstat", "-p", slot+"/log")
			c.MustRun(user, "s6-svc", "-h", slot+"/log")
			c.WaitFor("the logger to be restarted", func() bool {
				now := c.MustRun(user, "s6-svstat", "-p", slot+"/log")
				return now != pid && strings.TrimSpace(now) != "-1"
			})
			if c.Run(user, "s6-svwait", "-t", "1000", "-u", slot).Code != 111 {
				t.Errorf("%s may use s6-svwait, which the form group does not give", user)
			}
		}
		for _, argv := range [][]string{{"s6-svok", slot}, {"s6-svstat", slot}, {"s6-svc", "-d", slot}, {"s6-svc", "-h", slot + "/log"}} {
			if got := c.Run("stranger", argv...); got.Code == 0 {
				t.Errorf("a stranger may use %q", argv)
			}
		}
	})
}

func TestContainerEventsAccessGivesSvwait(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--supervise-access", "events")
		c.Boot()
		c.WaitUp("gateway-coder")
		const slot = "/run/service/gateway-coder"
		c.MustRun("hermes", "s6-svwait", "-t", harness.HangLimitMS, "-u", slot)
		c.MustRun("hermes", "s6-svc", "-wD", "-T", harness.HangLimitMS, "-d", slot)
		if got := c.Run("stranger", "s6-svwait", "-t", "1000", "-u", slot); got.Code != 111 {
			t.Errorf("a stranger's s6-svwait ends with %d", got.Code)
		}
	})
}

func TestContainerRestartRestoresWhatRan(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Household()
		boot := func() {
			c.MustRun("root", "slotgen", "reconcile")
			c.Boot()
			c.WaitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		}
		boot()
		for _, name := range []string{"gateway.pid", "processes.json"} {
			c.Write(filepath.Join(c.Home, "profiles/coder", name), "1\n")
		}
		c.Restart()
		if entries, err := os.ReadDir(c.Path("/run/service")); err != nil || len(entries) > 0 {
			t.Fatalf("the scandir outlived the restart: %v %v", entries, err)
		}
		boot()
		c.CheckDown("gateway-accounts")
		for _, name := range []string{"gateway.pid", "processes.json"} {
			if _, err := os.Lstat(filepath.Join(c.Home, "profiles/coder", name)); err == nil {
				t.Errorf("%s of the dead container is still there", name)
			}
		}
		if n := len(c.Records("accounts")); n > 0 {
			t.Errorf("a gateway that was stopped ran %d times", n)
		}
		log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log"))
		if n := strings.Count(log, " profile=coder prior_state=running action=started "); n != 2 {
			t.Errorf("the boot log tells of %d starts of coder, want 2:\n%s", n, log)
		}
	})
}

// In an s6-overlay container s6-svscan listens before the cont-init scripts run. Those scripts get
// an almost empty environment.
func TestContainerBootScriptPublishesBeforeARunningScanner(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("HERMES_HOME", "/opt/data"))
		c.Household()
		c.Profile("Bad", harness.Running)
		c.Boot()
		script := c.MustRun("root", "slotgen", "hook", "cont-init")
		path := c.Path("/usr/local/bin/99-slotgen")
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		c.MustRun("root", "env", "-i", "PATH=/command:/usr/bin:/bin", "RC_NAME=cont-init", "/usr/local/bin/99-slotgen")
		c.WaitUp("gateway-default", "gateway-coder", "gateway-night_watch")
		c.CheckDown("gateway-accounts")
		if c.HasSlot("gateway-Bad") {
			t.Error("a profile with a bad name has a slot")
		}
	})
}
