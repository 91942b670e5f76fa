package boot

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

func TestContainerLiveSlotIsUpdatedInItsPlace(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log")
		c.WaitFor("coder's record", func() bool { return len(c.Records("coder")) == 1 })
		stale := filepath.Join(c.Home, "profiles/coder/gateway.pid")
		c.Write(stale, "7\n")
		dir, pid, logger := c.Inode("/run/service/gateway-coder"), c.ServicePID("gateway-coder"), c.ServicePID("gateway-coder/log")

		text := c.MustRun("root", "slotgen", "templates", "show", "--file", "log/run")
		c.Override("log/run.tmpl", strings.ReplaceAll(text, "n10 ", "n20 "))
		c.Override("notification-fd.tmpl", "3\n")
		got := c.Run("root", "slotgen", "reconcile", "--rescan", "--env", "NEW=1")
		if want := `slot "gateway-coder" is live, in force at next start: log/run (content), notification-fd (added), run (content)`; got.Code != 0 || !strings.Contains(got.Stderr, want) {
			t.Errorf("exit code %d, stderr:\n%s\nwant %q", got.Code, got.Stderr, want)
		}
		c.Rescan()
		lines := len(c.LogLines("coder"))
		c.WaitFor("more lines of coder", func() bool { return len(c.LogLines("coder")) > lines+1 })
		if c.ServicePID("gateway-coder") != pid || c.ServicePID("gateway-coder/log") != logger || c.Inode("/run/service/gateway-coder") != dir {
			t.Error("the service, its logger or its directory is another one")
		}
		if n := c.Supervisors()["gateway-coder"]; n != 1 || len(c.Records("coder")) != 1 {
			t.Errorf("%d supervisors, %d starts; want one of each", n, len(c.Records("coder")))
		}
		if _, err := os.Lstat(stale); err != nil {
			t.Errorf("a live gateway's file was removed: %v", err)
		}

		c.MustRun("root", "s6-svc", "-t", "/run/service/gateway-coder")
		c.WaitFor("coder to be restarted", func() bool { return len(c.Records("coder")) == 2 })
		if value := c.Records("coder")[1].Env["NEW"]; value != "1" {
			t.Errorf("after its restart coder has NEW=%q", value)
		}
		c.MustRun("root", "s6-svc", "-h", "/run/service/gateway-coder/log")
		c.WaitFor("the new logger", func() bool {
			return slices.ContainsFunc(c.Processes(), func(p harness.Process) bool {
				return strings.Contains(strings.Join(p.Args, " "), "s6-log -p 1 n20 ")
			})
		})
		harness.CheckLines(t, c, "coder")
		if got := c.Hidden(); len(got) > 0 {
			t.Errorf("left over: %q", got)
		}
	})
}

func TestContainerServiceThatIsToRunOrRestAnewIsLeftAsItIs(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("coder", harness.Stopped)
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.Profile("coder", harness.Running)
		got := c.Run("root", "slotgen", "reconcile", "--rescan")
		const want = "slotgen: slot \"gateway-coder\" is live, in force at next start: down (removed)\n" +
			"slotgen: hint: to start it now: /command/s6-svc -u /run/service/gateway-coder\n"
		if got.Code != 0 || !strings.Contains(got.Stderr, want) {
			t.Errorf("exit code %d, stderr:\n%swant %q", got.Code, got.Stderr, want)
		}
		harness.NeverStarted(t, c, "coder")
	})
}

func TestContainerOfAnotherOwnerNamesLiveGateways(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		const want = "slotgen: warning: slot \"gateway-coder\" is live, and autostart none leaves the gateways to another container\n" +
			"slotgen: hint: to stop it: /command/s6-svc -wD -d /run/service/gateway-coder\n"
		none := []string{"slotgen", "reconcile", "--autostart", "none"}
		if got := c.Run("root", none...); got.Code != 0 || strings.Contains(got.Stderr, "live") {
			t.Errorf("exit code %d before any supervisor runs:\n%s", got.Code, got.Stderr)
		}
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log")
		for _, command := range [][]string{none, {"slotgen", "scan", "--autostart", "none"}} {
			if got := c.Run("root", command...); got.Code != 0 || !strings.Contains(got.Stderr, want) {
				t.Errorf("%q: exit code %d, stderr:\n%swant %q", command, got.Code, got.Stderr, want)
			}
		}
		if c.ServicePID("gateway-coder") == 0 {
			t.Error("the gateway was stopped")
		}
	})
}

// A slot that slotgen leaves alone can be live.
func TestContainerScanTellsOfEverySlotWhetherItIsLive(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("broken", harness.Running)
		c.Profile("unmarked", harness.Running)
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.Profile("waiting", harness.Stopped)
		if err := os.Remove(filepath.Join(c.Home, "profiles/unmarked/SOUL.md")); err != nil {
			t.Fatal(err)
		}
		c.Override("profiles/broken/run.tmpl", "no script\n")
		for _, tt := range []struct{ flag, broken, unmarked, waiting string }{
			{"--autostart=auto", "fail yes", "ignore yes", "create, stay down no"},
			{"--autostart=none", "skip yes", "ignore yes", "skip no"},
		} {
			got := c.Run("root", "slotgen", "scan", "-a", tt.flag)
			for name, want := range map[string]string{"broken": tt.broken, "unmarked": tt.unmarked, "waiting": tt.waiting} {
				if row := tableRow(got.Stdout, name); !strings.Contains(strings.Join(row, " "), " "+want+" ") {
					t.Errorf("scan %s: %q, want %s", tt.flag, row, want)
				}
			}
		}
		if err := os.RemoveAll(filepath.Join(c.Home, "profiles/broken")); err != nil {
			t.Fatal(err)
		}
		got := c.Run("hermes", "slotgen", "scan")
		if row := strings.Join(tableRow(got.Stdout, "default"), " "); got.Code != 0 || !strings.Contains(row, " keep yes ") {
			t.Errorf("scan as the user: exit code %d, default's row %q\n%s", got.Code, row, got.Stderr)
		}
	})
}

func TestContainerSlotWhoseLoggerGoesNeedsRestart(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log")
		before := harness.ReadText(t, c.Path("/run/service/gateway-coder/run"))
		c.Override("log/run.tmpl", "")
		got := c.Run("root", "slotgen", "reconcile", "--rescan", "--profile", "coder", "--env", "NEW=1", "-o", "json")
		if got.Code != 0 || !strings.Contains(got.Stdout, `"effect": "needs restart"`) ||
			!strings.Contains(got.Stderr, `slotgen: warning: slot "gateway-coder" is live and needs restart, left as it is`) {
			t.Errorf("exit code %d\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		if got := c.MustRun("root", "slotgen", "scan", "--profile", "coder"); !strings.Contains(got, "\nin force:    needs restart\n") {
			t.Errorf("scan does not say so:\n%s", got)
		}
		if now := harness.ReadText(t, c.Path("/run/service/gateway-coder/run")); now != before || !c.IsUp("gateway-coder/log") {
			t.Error("it was not left as it is")
		}
	})
}

// tableRow returns the words of a profile's row in the table that scan prints.
func tableRow(table, name string) []string {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[0] == name {
			return fields
		}
	}
	return nil
}
