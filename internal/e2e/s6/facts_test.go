package s6

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
)

// These tests check, on each release, the facts about s6 that slotgen relies on. When one fails,
// correct the code that relies on the fact, not the test.

// handMadeLogged makes a hand-made service with a logger that copies its input to a file.
func handMadeLogged(c *harness.Container, name string) {
	c.T.Helper()
	handMadeService(c, name)
	dir := c.Path("/run/service/" + name)
	if err := os.Mkdir(dir+"/log", 0o755); err != nil {
		c.T.Fatal(err)
	}
	if err := os.WriteFile(dir+"/log/run", []byte("#!/bin/sh\nexec cat >>/tmp/lines\n"), 0o755); err != nil {
		c.T.Fatal(err)
	}
}

// bootHandMade boots with one hand-made service and waits until it is up.
func bootHandMade(t *testing.T, release harness.S6Release) *harness.Container {
	t.Helper()
	c := harness.NewContainer(t, release)
	handMadeService(c, "a")
	c.Boot()
	c.WaitFor("a's record", func() bool { return len(c.Records("default")) == 1 })
	return c
}

// replaceFile replaces a file of a service by a rename.
func replaceFile(c *harness.Container, path, text string, mode os.FileMode) {
	c.T.Helper()
	path = c.Path("/run/service/" + path)
	if err := os.WriteFile(path+".new", []byte(text), mode); err != nil {
		c.T.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.T.Fatal(err)
	}
}

// waitFile waits until a service has made a file.
func waitFile(c *harness.Container, what, path string) {
	c.T.Helper()
	c.WaitFor(what, func() bool { return harness.Exists(c.Path(path)) })
}

func scanctl(c *harness.Container, commands string) {
	c.T.Helper()
	c.MustRun("root", "s6-svscanctl", "-"+commands, "/run/service")
}

// This fact is why a pass never moves the directory of a live slot.
func TestContainerS6RunsAServiceTwiceWhenItsDirectoryIsExchanged(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		handMadeLogged(c, "a")
		handMadeLogged(c, ".b")
		c.Boot()
		c.WaitUp("a")
		scandir, err := os.Open(c.Path("/run/service"))
		if err != nil {
			t.Fatal(err)
		}
		defer scandir.Close()
		fd := int(scandir.Fd())
		if err := unix.Renameat2(fd, "a", fd, ".b", unix.RENAME_EXCHANGE); err != nil {
			t.Fatal(err)
		}
		scanctl(c, "a")
		c.WaitFor("a second supervisor of a", func() bool { return c.Supervisors()["a"] == 2 })
	})
}

// s6-svscan ignores names that begin with a dot. Its command "an" ends a hidden service, then its
// logger, and loses no line.
func TestContainerS6EndsWhatIsHiddenAndPassesOverNamesWithADot(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		handMadeLogged(c, "a")
		handMadeLogged(c, ".hidden")
		c.Boot()
		c.WaitUp("a", "a/log")
		c.Rescan()
		if n := c.Supervisors()[".hidden"]; n > 0 {
			t.Error("a service directory with a dot is supervised")
		}
		lines := func() string {
			text, _ := os.ReadFile(c.Path("/tmp/lines"))
			return string(text)
		}
		c.WaitFor("lines", func() bool { return strings.Contains(lines(), "line 2\n") })
		service := c.Path("/run/service/")
		if err := os.Rename(service+"a", service+".a.old"); err != nil {
			t.Fatal(err)
		}
		scanctl(c, "an")
		c.WaitFor("both supervisors to end", func() bool { n := c.Supervisors(); return n["a"] == 0 && n["a/log"] == 0 })
		if text := lines(); !strings.HasSuffix(text, " last\n") {
			t.Errorf("the log ends in %q", text[max(0, len(text)-80):])
		}
	})
}

// The supervisor holds an fcntl lock as long as it lives. The status file has the PID where
// slotgen reads it.
func TestContainerS6HoldsItsLockAndNotesItsProcess(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		handMadeLogged(c, "a")
		c.Boot()
		c.WaitUp("a")
		f, err := os.Open(c.Path("/run/service/a/supervise/lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ask := unix.Flock_t{Type: unix.F_RDLCK}
		if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &ask); err != nil || ask.Type != unix.F_WRLCK {
			t.Errorf("%v, lock type %d", err, ask.Type)
		}
		if want := strings.TrimSpace(c.MustRun("root", "s6-svstat", "-o", "pid", "/run/service/a")); c.ServicePID("a") == 0 || want != strconv.Itoa(c.ServicePID("a")) {
			t.Errorf("the status file says %d, s6-svstat %s", c.ServicePID("a"), want)
		}
		c.MustRun("root", "s6-svc", "-d", "/run/service/a")
		c.WaitFor("the status file to say that it is down", func() bool { return c.ServicePID("a") == 0 })
	})
}

// s6-supervise reads the down file only when it starts. So a pass writes down first and removes it
// last.
func TestContainerS6ReadsTheDownFileWhenASupervisorStarts(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := bootHandMade(t, release)
		pid := c.ServicePID("a")
		if err := os.WriteFile(c.Path("/run/service/a/down"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		scanctl(c, "a")
		c.MustRun("root", "s6-svc", "-t", "/run/service/a")
		c.WaitFor("a restart", func() bool { now := c.ServicePID("a"); return now != 0 && now != pid })
		c.MustRun("root", "s6-svc", "-dx", "/run/service/a")
		c.WaitFor("a new supervisor that leaves the service down", func() bool {
			return c.Supervisors()["a"] == 1 && strings.HasPrefix(c.Svstat("a"), "down ") && !strings.Contains(c.Svstat("a"), "normally up")
		})
	})
}

// s6-supervise uses a replaced file at the next start or use, without a new supervisor.
func TestContainerS6TakesUpReplacedFiles(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := bootHandMade(t, release)
		replaceFile(c, "a/run", "#!/bin/sh\ntrap '' TERM\necho >/tmp/second; while :; do sleep 0.1; done\n", 0o755)
		replaceFile(c, "a/finish", "#!/bin/sh\necho finished >>/tmp/finish\n", 0o755)
		replaceFile(c, "a/timeout-kill", "100\n", 0o644)
		c.MustRun("root", "s6-svc", "-t", "/run/service/a")
		waitFile(c, "the new finish script", "/tmp/finish")
		waitFile(c, "the new run script", "/tmp/second")
		c.MustRun("root", "s6-svc", "-d", "/run/service/a")
		c.WaitFor("the new timeout-kill to be heeded", func() bool { return c.ServicePID("a") == 0 })
	})
}

// s6-supervise reads notification-fd at each start and down-signal at each stop.
func TestContainerS6ReadsReadinessAndSignalAtEachUse(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := bootHandMade(t, release)
		replaceFile(c, "a/run", "#!/bin/sh\ntrap 'echo >/tmp/told; exit 1' USR1\necho >&4; while :; do sleep 0.1; done\n", 0o755)
		replaceFile(c, "a/notification-fd", "4\n", 0o644)
		replaceFile(c, "a/down-signal", "USR1\n", 0o644)
		c.MustRun("root", "s6-svc", "-k", "/run/service/a")
		c.WaitFor("a to be ready", func() bool {
			stat := c.Svstat("a")
			return strings.HasPrefix(stat, "up ") && strings.Contains(stat, ", ready ")
		})
		c.MustRun("root", "s6-svc", "-d", "/run/service/a")
		waitFile(c, "the new signal", "/tmp/told")
	})
}

// This fact is why a slot whose logger appears or vanishes needs a new supervisor.
func TestContainerS6LoggerComesAndGoesWithTheSupervisorAlone(t *testing.T) {
	const talks = "#!/bin/sh\nwhile :; do echo $$; sleep 0.02; done\n"
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		handMadeService(c, "bare")
		handMadeLogged(c, "logged")
		replaceFile(c, "bare/run", talks, 0o755)
		replaceFile(c, "logged/run", talks, 0o755)
		c.Boot()
		c.WaitUp("bare", "logged", "logged/log")
		logger, bare := c.ServicePID("logged/log"), c.ServicePID("bare")
		at := c.Path("/run/service")
		if err := os.Rename(at+"/logged/log", at+"/.gone"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(at+"/bare/log", 0o755); err != nil {
			t.Fatal(err)
		}
		replaceFile(c, "bare/log/run", "#!/bin/sh\nexec cat >/tmp/bare\n", 0o755)
		scanctl(c, "an")
		c.MustRun("root", "s6-svc", "-t", "/run/service/bare")
		c.Rescan()
		c.WaitFor("lines of bare after a restart", func() bool {
			now := c.ServicePID("bare")
			return now != 0 && now != bare && strings.Contains(harness.ReadText(t, c.Console), fmt.Sprintf("\n%d\n", now))
		})
		if got, _ := os.ReadFile(c.Path("/tmp/bare")); len(got) > 0 {
			t.Error("a logger that came was taken up")
		}
		if c.Run("root", "kill", "-0", strconv.Itoa(logger)).Code != 0 {
			t.Error("the logger whose directory went has ended")
		}
	})
}

// s6-log with -p ignores TERM. HUP ends it.
func TestContainerS6LoggerWithPIsRestartedByHangUpAlone(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log")
		// s6-log creates the file before it can handle signals.
		c.WaitFor("its first line", func() bool { return len(c.LogLines("coder")) > 0 })
		pid := c.ServicePID("gateway-coder/log")
		c.MustRun("root", "kill", "-TERM", strconv.Itoa(pid))
		lines := len(c.LogLines("coder"))
		c.WaitFor("lines after the TERM", func() bool { return len(c.LogLines("coder")) > lines+2 })
		if now := c.ServicePID("gateway-coder/log"); now != pid {
			t.Error("the logger ended on TERM")
		}
		c.MustRun("root", "s6-svc", "-h", "/run/service/gateway-coder/log")
		c.WaitFor("another logger", func() bool { now := c.ServicePID("gateway-coder/log"); return now != 0 && now != pid })
	})
}
