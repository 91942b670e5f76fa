package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// These tests hold what slotgen takes for granted of s6 against each release. When
// one fails, the code that rests on it is wrong, not the test.

// handLogged is a hand-made service with a logger that keeps its input in a file.
func handLogged(c *container, name string) {
	c.t.Helper()
	handMadeService(c, name)
	dir := c.path("/run/service/" + name)
	if err := os.Mkdir(dir+"/log", 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/log/run", []byte("#!/bin/sh\nexec cat >>/tmp/lines\n"), 0o755); err != nil {
		c.t.Fatal(err)
	}
}

// bootHandMade boots with one hand-made service, which is up.
func bootHandMade(t *testing.T, release s6Release) *container {
	t.Helper()
	c := newContainer(t, release)
	handMadeService(c, "a")
	c.boot()
	c.waitFor("a's record", func() bool { return len(c.records("default")) == 1 })
	return c
}

// replace gives a file of a service another text, by a rename.
func (c *container) replace(path, text string, mode os.FileMode) {
	c.t.Helper()
	path = c.path("/run/service/" + path)
	if err := os.WriteFile(path+".new", []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.t.Fatal(err)
	}
}

// waitFile waits for a file that a service makes.
func (c *container) waitFile(what, path string) {
	c.t.Helper()
	c.waitFor(what, func() bool { return exists(c.path(path)) })
}

func (c *container) scanctl(commands string) {
	c.t.Helper()
	c.mustRun("root", "s6-svscanctl", "-"+commands, "/run/service")
}

// Why the directory of a live slot never moves.
func TestContainerS6RunsAServiceTwiceWhenItsDirectoryIsExchanged(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		handLogged(c, "a")
		handLogged(c, ".b")
		c.boot()
		c.waitUp("a")
		scandir, err := os.Open(c.path("/run/service"))
		if err != nil {
			t.Fatal(err)
		}
		defer scandir.Close()
		fd := int(scandir.Fd())
		if err := unix.Renameat2(fd, "a", fd, ".b", unix.RENAME_EXCHANGE); err != nil {
			t.Fatal(err)
		}
		c.scanctl("a")
		c.waitFor("a second supervisor of a", func() bool { return c.supervisors()["a"] == 2 })
	})
}

// Hidden names are passed over, and "an" ends what is hidden, the logger after
// the service and without losing a line.
func TestContainerS6EndsWhatIsHiddenAndPassesOverNamesWithADot(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		handLogged(c, "a")
		handLogged(c, ".hidden")
		c.boot()
		c.waitUp("a", "a/log")
		c.rescan()
		if n := c.supervisors()[".hidden"]; n > 0 {
			t.Error("a service directory with a dot is supervised")
		}
		lines := func() string {
			text, _ := os.ReadFile(c.path("/tmp/lines"))
			return string(text)
		}
		c.waitFor("lines", func() bool { return strings.Contains(lines(), "line 2\n") })
		service := c.path("/run/service/")
		if err := os.Rename(service+"a", service+".a.old"); err != nil {
			t.Fatal(err)
		}
		c.scanctl("an")
		c.waitFor("both supervisors to end", func() bool { n := c.supervisors(); return n["a"] == 0 && n["a/log"] == 0 })
		if text := lines(); !strings.HasSuffix(text, " last\n") {
			t.Errorf("the log ends in %q", text[max(0, len(text)-80):])
		}
	})
}

// The lock is one of fcntl, held as long as the supervisor lives; the status file
// has the process number where slotgen reads it.
func TestContainerS6HoldsItsLockAndNotesItsProcess(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		handLogged(c, "a")
		c.boot()
		c.waitUp("a")
		f, err := os.Open(c.path("/run/service/a/supervise/lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ask := unix.Flock_t{Type: unix.F_RDLCK}
		if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &ask); err != nil || ask.Type != unix.F_WRLCK {
			t.Errorf("%v, lock type %d", err, ask.Type)
		}
		if want := strings.TrimSpace(c.mustRun("root", "s6-svstat", "-o", "pid", "/run/service/a")); c.servicePID("a") == 0 || want != strconv.Itoa(c.servicePID("a")) {
			t.Errorf("the status file says %d, s6-svstat %s", c.servicePID("a"), want)
		}
		c.mustRun("root", "s6-svc", "-d", "/run/service/a")
		c.waitFor("the status file to say that it is down", func() bool { return c.servicePID("a") == 0 })
	})
}

// A down file counts when a supervisor starts, and not before: that is why it has
// to be there first and go last.
func TestContainerS6ReadsTheDownFileWhenASupervisorStarts(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := bootHandMade(t, release)
		pid := c.servicePID("a")
		if err := os.WriteFile(c.path("/run/service/a/down"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		c.scanctl("a")
		c.mustRun("root", "s6-svc", "-t", "/run/service/a")
		c.waitFor("a restart", func() bool { now := c.servicePID("a"); return now != 0 && now != pid })
		c.mustRun("root", "s6-svc", "-dx", "/run/service/a")
		c.waitFor("a new supervisor that leaves the service down", func() bool {
			return c.supervisors()["a"] == 1 && strings.HasPrefix(c.svstat("a"), "down ") && !strings.Contains(c.svstat("a"), "normally up")
		})
	})
}

// What was replaced by a rename is in force at the next start or use, without a
// new supervisor.
func TestContainerS6TakesUpReplacedFiles(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := bootHandMade(t, release)
		c.replace("a/run", "#!/bin/sh\ntrap '' TERM\necho >/tmp/second; while :; do sleep 0.1; done\n", 0o755)
		c.replace("a/finish", "#!/bin/sh\necho finished >>/tmp/finish\n", 0o755)
		c.replace("a/timeout-kill", "100\n", 0o644)
		c.mustRun("root", "s6-svc", "-t", "/run/service/a")
		c.waitFile("the new finish script", "/tmp/finish")
		c.waitFile("the new run script", "/tmp/second")
		c.mustRun("root", "s6-svc", "-d", "/run/service/a")
		c.waitFor("the new timeout-kill to be heeded", func() bool { return c.servicePID("a") == 0 })
	})
}

// The files that say how to start a service, and by which signal to stop it, are read
// each time.
func TestContainerS6ReadsReadinessAndSignalAtEachUse(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := bootHandMade(t, release)
		c.replace("a/run", "#!/bin/sh\ntrap 'echo >/tmp/told; exit 1' USR1\necho >&4; while :; do sleep 0.1; done\n", 0o755)
		c.replace("a/notification-fd", "4\n", 0o644)
		c.replace("a/down-signal", "USR1\n", 0o644)
		c.mustRun("root", "s6-svc", "-k", "/run/service/a")
		c.waitFor("a to be ready", func() bool {
			stat := c.svstat("a")
			return strings.HasPrefix(stat, "up ") && strings.Contains(stat, ", ready ")
		})
		c.mustRun("root", "s6-svc", "-d", "/run/service/a")
		c.waitFile("the new signal", "/tmp/told")
	})
}

// Why a slot whose logger comes or goes needs a new supervisor.
func TestContainerS6LoggerComesAndGoesWithTheSupervisorAlone(t *testing.T) {
	const talks = "#!/bin/sh\nwhile :; do echo $$; sleep 0.02; done\n"
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		handMadeService(c, "bare")
		handLogged(c, "logged")
		c.replace("bare/run", talks, 0o755)
		c.replace("logged/run", talks, 0o755)
		c.boot()
		c.waitUp("bare", "logged", "logged/log")
		logger, bare := c.servicePID("logged/log"), c.servicePID("bare")
		at := c.path("/run/service")
		if err := os.Rename(at+"/logged/log", at+"/.gone"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(at+"/bare/log", 0o755); err != nil {
			t.Fatal(err)
		}
		c.replace("bare/log/run", "#!/bin/sh\nexec cat >/tmp/bare\n", 0o755)
		c.scanctl("an")
		c.mustRun("root", "s6-svc", "-t", "/run/service/bare")
		c.rescan()
		c.waitFor("lines of bare after a restart", func() bool {
			now := c.servicePID("bare")
			return now != 0 && now != bare && strings.Contains(readText(t, c.console), fmt.Sprintf("\n%d\n", now))
		})
		if got, _ := os.ReadFile(c.path("/tmp/bare")); len(got) > 0 {
			t.Error("a logger that came was taken up")
		}
		if c.run("root", "kill", "-0", strconv.Itoa(logger)).code != 0 {
			t.Error("the logger whose directory went has ended")
		}
	})
}

// A logger that runs with -p heeds no TERM; a hang-up ends it.
func TestContainerS6LoggerWithPIsRestartedByHangUpAlone(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-coder", "gateway-coder/log")
		// It makes the file before it is ready for signals.
		c.waitFor("its first line", func() bool { return len(c.logLines("coder")) > 0 })
		pid := c.servicePID("gateway-coder/log")
		c.mustRun("root", "kill", "-TERM", strconv.Itoa(pid))
		lines := len(c.logLines("coder"))
		c.waitFor("lines after the TERM", func() bool { return len(c.logLines("coder")) > lines+2 })
		if now := c.servicePID("gateway-coder/log"); now != pid {
			t.Error("the logger ended on TERM")
		}
		c.mustRun("root", "s6-svc", "-h", "/run/service/gateway-coder/log")
		c.waitFor("another logger", func() bool { now := c.servicePID("gateway-coder/log"); return now != 0 && now != pid })
	})
}
