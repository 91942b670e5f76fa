package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// override makes a template of the container's operator.
func (c *container) override(file, text string) {
	c.t.Helper()
	path := c.path("/etc/slotgen/templates/" + file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *container) inode(path string) uint64 {
	c.t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(c.path(path), &st); err != nil {
		c.t.Fatal(err)
	}
	return st.Ino
}

func TestContainerLiveSlotIsUpdatedInItsPlace(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan")
		c.boot()
		c.waitUp("gateway-coder", "gateway-coder/log")
		c.waitFor("coder's record", func() bool { return len(c.records("coder")) == 1 })
		stale := filepath.Join(c.home, "profiles/coder/gateway.pid")
		c.write(stale, "7\n")
		dir, pid, logger := c.inode("/run/service/gateway-coder"), c.servicePID("gateway-coder"), c.servicePID("gateway-coder/log")

		text := c.mustRun("root", "slotgen", "templates", "show", "--file", "log/run")
		c.override("log/run.tmpl", strings.Replace(text, "n10 ", "n20 ", 1))
		c.override("notification-fd.tmpl", "3\n")
		got := c.run("root", "slotgen", "reconcile", "--rescan", "--env", "NEW=1")
		if want := `slot "gateway-coder" is live, in force at next start: log/run (content), notification-fd (missing), run (content)`; got.code != 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("exit code %d, stderr:\n%s\nwant %q", got.code, got.stderr, want)
		}
		c.rescan()
		lines := len(c.logLines("coder"))
		c.waitFor("more lines of coder", func() bool { return len(c.logLines("coder")) > lines+1 })
		if c.servicePID("gateway-coder") != pid || c.servicePID("gateway-coder/log") != logger || c.inode("/run/service/gateway-coder") != dir {
			t.Error("the service, its logger or its directory is another one")
		}
		if n := c.supervisors()["gateway-coder"]; n != 1 || len(c.records("coder")) != 1 {
			t.Errorf("%d supervisors, %d starts; want one of each", n, len(c.records("coder")))
		}
		if _, err := os.Lstat(stale); err != nil {
			t.Errorf("a live gateway's file was removed: %v", err)
		}

		c.mustRun("root", "s6-svc", "-t", "/run/service/gateway-coder")
		c.waitFor("coder to be restarted", func() bool { return len(c.records("coder")) == 2 })
		if value := c.records("coder")[1].env["NEW"]; value != "1" {
			t.Errorf("after its restart coder has NEW=%q", value)
		}
		c.mustRun("root", "s6-svc", "-h", "/run/service/gateway-coder/log")
		c.waitFor("the new logger", func() bool {
			return slices.ContainsFunc(c.processes(), func(p process) bool {
				return strings.Contains(strings.Join(p.args, " "), "s6-log -p 1 n20 ")
			})
		})
		checkLines(t, c, "coder")
		if got := c.hidden(); len(got) > 0 {
			t.Errorf("left over: %q", got)
		}
	})
}

// checkLines holds that the log of a profile's stand-in gateway has every line
// of every start, once and in order.
func checkLines(t *testing.T, c *container, profile string) {
	t.Helper()
	next := map[string]int{}
	for _, line := range c.logLines(profile) {
		var pid string
		var n int
		if _, err := fmt.Sscanf(line, profile+" %s line %d", &pid, &n); err != nil {
			continue
		}
		if next[pid]++; n != next[pid] {
			t.Fatalf("profile %s: line %d of process %s follows line %d", profile, n, pid, next[pid]-1)
		}
	}
	if len(next) == 0 {
		t.Errorf("profile %s: no line in its log", profile)
	}
}

// logLines returns what s6-log kept of a profile's gateway, without the time
// stamps; nothing where there is no log yet.
func (c *container) logLines(profile string) []string {
	c.t.Helper()
	dir := filepath.Join(c.home, "logs/gateways", profile)
	files, err := filepath.Glob(dir + "/@*")
	if err != nil {
		c.t.Fatal(err)
	}
	slices.Sort(files)
	var lines []string
	for _, file := range append(files, dir+"/current") {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, rest, found := strings.Cut(line, "  "); found && strings.HasSuffix(rest, "\n") {
				lines = append(lines, strings.TrimSuffix(rest, "\n"))
			}
		}
	}
	return lines
}

func TestContainerServiceThatIsToRunOrRestAnewIsLeftAsItIs(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("coder", stopped)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.profile("coder", running)
		got := c.run("root", "slotgen", "reconcile", "--rescan")
		const want = "slotgen: slot \"gateway-coder\" is live, in force at next start: down (not wanted)\n" +
			"slotgen: hint: a pass starts and stops nothing: s6-svc -u or -d does\n"
		if got.code != 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("exit code %d, stderr:\n%swant %q", got.code, got.stderr, want)
		}
		neverStarted(t, c, "coder")
	})
}

// What slotgen leaves alone may run all the same.
func TestContainerScanTellsOfEverySlotWhetherItIsLive(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("broken", running)
		c.profile("unmarked", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.profile("waiting", stopped)
		if err := os.Remove(filepath.Join(c.home, "profiles/unmarked/SOUL.md")); err != nil {
			t.Fatal(err)
		}
		c.override("profiles/broken/run.tmpl", "no script\n")
		for _, tt := range []struct{ flag, broken, unmarked, waiting string }{
			{"--autostart=auto", "failed yes", "ignored yes", "registered no"},
			{"--autostart=none", "skipped yes", "ignored yes", "skipped no"},
		} {
			got := c.run("root", "slotgen", "scan", "-a", tt.flag)
			for name, want := range map[string]string{"broken": tt.broken, "unmarked": tt.unmarked, "waiting": tt.waiting} {
				if row := tableRow(got.stdout, name); len(row) < 5 || row[3]+" "+row[4] != want {
					t.Errorf("scan %s: %q, want %s", tt.flag, row, want)
				}
			}
		}
		got := c.run("hermes", "slotgen", "scan")
		if want := "slotgen: hint: it takes root to ask whether a service is live\n"; got.code != 1 || strings.Count(got.stderr, want) != 1 {
			t.Errorf("scan as the user: exit code %d, stderr %q, want %q once", got.code, got.stderr, want)
		}
	})
}

func TestContainerSlotWhoseLoggerGoesNeedsRestart(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-coder", "gateway-coder/log")
		before := readText(t, c.path("/run/service/gateway-coder/run"))
		c.override("log/run.tmpl", "")
		got := c.run("root", "slotgen", "reconcile", "--rescan", "--profile", "coder", "--env", "NEW=1", "-o", "json")
		if got.code != 0 || !strings.Contains(got.stdout, `"effect": "needs restart"`) ||
			!strings.Contains(got.stderr, `slotgen: warning: slot "gateway-coder" is live and needs restart, left as it is`) {
			t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		if got := c.mustRun("root", "slotgen", "scan", "--profile", "coder"); !strings.Contains(got, "\nin force:    needs restart\n") {
			t.Errorf("scan does not say so:\n%s", got)
		}
		if now := readText(t, c.path("/run/service/gateway-coder/run")); now != before || !c.isUp("gateway-coder/log") {
			t.Error("it was not left as it is")
		}
	})
}

// tableRow returns the words of a profile's row in the table of scan.
func tableRow(table, name string) []string {
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[0] == name {
			return fields
		}
	}
	return nil
}
