package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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
		time.Sleep(300 * time.Millisecond)
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

// A slot that s6-svscan has been told of, and that has no supervisor yet, must
// not be exchanged: its service would be left in a deleted directory.
func TestContainerPassRightAfterARescanRunsNoServiceTwice(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.override("run.tmpl", "#!/bin/sh\nexport GREETING={{ range .Env }}{{ shquote .Value }}{{ end }}\nexec sleep 100000\n")
		c.override("log/run.tmpl", "#!/bin/sh\nexec cat >/dev/null\n")
		c.boot()
		const rounds, batch = 6, 40
		for delay := range rounds {
			// So many that s6-svscan is not done when the second pass comes.
			for i := range batch {
				c.profile(fmt.Sprintf("p%d-%d", delay, i), running)
			}
			c.mustRun("root", "sh", "-ec", fmt.Sprintf(
				"slotgen reconcile --rescan >/dev/null; sleep 0.00%d; slotgen reconcile --rescan --env ROUND=%d", delay, delay))
		}
		services := 2 * (rounds*batch + 1)
		c.waitFor("all to be supervised", func() bool { return len(c.supervisors()) == services })
		time.Sleep(200 * time.Millisecond)
		for service, n := range c.supervisors() {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		sleeping := 0
		for _, p := range c.processes() {
			if p.args[0] == "sleep" {
				sleeping++
			}
		}
		if sleeping != rounds*batch {
			t.Errorf("%d services run, want %d", sleeping, rounds*batch)
		}
		if lost := c.inDeletedDirs(); len(lost) > 0 {
			t.Errorf("%d processes in deleted directories, %+v first", len(lost), lost[0])
		}
	})
}

func TestContainerRescanNeedsNoProgramOfS6(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("coder", running)
		c.mustRun("root", "env", "-i", "PATH=/nonexistent", "/usr/local/bin/slotgen", "reconcile", "--rescan", "--wait", "10s")
		c.waitUp("gateway-coder")
	})
}

func TestRescanIsAskedForOnceAfterTheLastSlot(t *testing.T) {
	home, service := t.TempDir(), t.TempDir()
	const profiles = 50
	for i := range profiles {
		dir := filepath.Join(home, "profiles", fmt.Sprintf("p%d", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "SOUL.md"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	control := filepath.Join(service, ".s6-svscan/control")
	if err := errors.Join(os.Mkdir(filepath.Dir(control), 0o700), syscall.Mkfifo(control, 0o600)); err != nil {
		t.Fatal(err)
	}
	// Read and write: who looks whether somebody reads it must not end it.
	scanner, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan int, 10)
	go func() {
		defer close(seen)
		for buf := make([]byte, 1); ; {
			if _, err := scanner.Read(buf); err != nil || buf[0] != 'a' {
				return
			}
			slots, _ := filepath.Glob(filepath.Join(service, "gateway-*")) // the pattern is right
			seen <- len(slots)
		}
	}()
	cmd := exec.Command(slotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "10000:10000", "--proc", t.TempDir(), "--rescan")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := <-seen; n != profiles+1 {
		t.Errorf("a rescan was asked for with %d of %d slots", n, profiles+1)
	}
	time.Sleep(100 * time.Millisecond)
	scanner.Close()
	if n, again := <-seen; again {
		t.Errorf("and again with %d", n)
	}
}

func TestContainerWaitNamesTheSlotsThatNeverCameUp(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("coder", stopped)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10s")
		c.profile("late", running)
		c.profile("later", stopped)
		got := c.run("root", "slotgen", "reconcile", "--wait", "200ms")
		if want := "slotgen: error: slot \"gateway-late\" has no supervisor after 200ms\n" +
			"slotgen: error: slot \"gateway-later\" has no supervisor after 200ms\n" +
			"slotgen: hint: --rescan makes s6-svscan look for new slots\n"; got.code != 1 || !strings.HasPrefix(got.stderr, want) {
			t.Errorf("exit code %d, stderr:\n%s\nwant %q", got.code, got.stderr, want)
		}
		waiting := c.spawn("root", "slotgen", "reconcile", "--wait", "20s")
		c.waitFor("the first pass to wait", func() bool { return readText(t, waiting.stdout) != "" })
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10s")
		if got := waiting.wait(); got.code != 0 {
			t.Errorf("the pass that waited ended with %d:\n%s", got.code, got.stderr)
		}
	})
}

func TestContainerServiceThatIsToRunOrRestAnewIsLeftAsItIs(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("coder", stopped)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10s")
		c.profile("coder", running)
		got := c.run("root", "slotgen", "reconcile", "--rescan")
		const want = "slotgen: slot \"gateway-coder\" is live, in force at next start: down (not wanted)\n" +
			"slotgen: hint: a pass starts and stops nothing: s6-svc -u or -d does\n"
		if got.code != 0 || !strings.Contains(got.stderr, want) || c.isUp("gateway-coder") {
			t.Errorf("exit code %d, stderr:\n%swant %q", got.code, got.stderr, want)
		}
	})
}

// What slotgen leaves alone may run all the same.
func TestContainerScanTellsOfEverySlotWhetherItIsLive(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		c.profile("broken", running)
		c.profile("unmarked", running)
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10s")
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
