package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// These tests show that the containers of the other tests are what they claim to be.

func TestContainerSupervises(t *testing.T) {
	t.Parallel()
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, withVar("COLOUR", "blue\ngreen"))
		handMadeService(c, "gateway")
		c.boot()
		c.waitFor("the gateway to come up", func() bool {
			return strings.HasPrefix(c.svstat("gateway"), "up ") && len(c.records("default")) > 0
		})

		if !sameFile(t, fmt.Sprintf("/proc/%d/exe", c.init.Process.Pid), release.program("s6-svscan")) {
			t.Errorf("PID 1 is not the s6-svscan of %s", release.name)
		}
		if !sameFile(t, c.path("/usr/bin/s6-supervise"), release.program("s6-supervise")) {
			t.Errorf("s6-supervise is not the one of %s", release.name)
		}
		record := c.records("default")[0]
		if got := record.env["COLOUR"]; got != "blue\ngreen" {
			t.Errorf("the service has COLOUR=%q", got)
		}
		if record.uid != "10000" || record.groups != "10000" {
			t.Errorf("the service runs as %s with groups %s", record.uid, record.groups)
		}
		c.waitFor("lines on the console", func() bool {
			return strings.Contains(readText(t, c.console), "default "+record.pid+" line 3\n")
		})

		c.mustRun("root", "s6-svc", "-t", "/run/service/gateway")
		c.waitFor("another start", func() bool { return len(c.records("default")) == 2 })
		if !strings.Contains(readText(t, c.console), "default "+record.pid+" last\n") {
			t.Error("the gateway's last line is not on the console")
		}
	})
}

func TestContainerRunsCommands(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6(), withVar("COLOUR", "blue"))
	for user, want := range map[string]string{
		"root":     "0 0 0",
		"hermes":   fmt.Sprint(hermesID, hermesID, hermesID),
		"stranger": fmt.Sprint(strangerID, strangerID, strangerID),
		"friend":   fmt.Sprint(friendID, friendID, friendID, hermesID),
	} {
		got := c.mustRun(user, "sh", "-c", "echo $(id -u) $(id -g) $(id -G)")
		if got != want+"\n" {
			t.Errorf("%s is %q, want %q", user, got, want)
		}
	}

	got := c.runEnv("hermes", []string{"SIZE=big"}, "sh", "-c", "pwd; echo $COLOUR $SIZE; echo oops >&2; exit 7")
	if want := (execResult{"/\nblue big\n", "oops\n", 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := c.run("hermes", "sh", "-c", "kill -KILL $$").code; got != 128+9 {
		t.Errorf("a killed command has code %d", got)
	}
	for _, program := range []string{"slotgen", "with-contenv", "s6-svscan", "execlineb", "foreground"} {
		c.mustRun("hermes", "sh", "-c", `command -v "$0"`, program)
	}
}

func TestContainerRestartKeepsOnlyTheVolume(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	handMadeService(c, "gateway")
	c.boot()
	c.mustRun("hermes", "touch", "/opt/data/kept", "/tmp/lost")
	c.mustRun("root", "touch", "/etc/lost")
	c.restart()

	c.boot()
	if got := c.mustRun("root", "ls", "/opt/data", "/run/service", "/tmp"); strings.Contains(got, "gateway") ||
		strings.Contains(got, "lost") || !strings.Contains(got, "kept") {
		t.Errorf("after the restart there is:\n%s", got)
	}
	if c.run("root", "test", "-e", "/etc/lost").code == 0 {
		t.Error("a file outside the volume outlived the restart")
	}
	if _, err := os.Stat(filepath.Join(c.home, "kept")); err != nil {
		t.Errorf("the volume lost a file: %v", err)
	}
}

func TestContainerGateway(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6(), withVar("HERMES_HOME", "/opt/data"))
	args := []string{"-p", "coder", "gateway", "run", "", `two\nwords`, "two\nlines"}
	gateway := c.spawn("hermes", append([]string{"/opt/hermes/.venv/bin/hermes"}, args...)...)
	c.waitFor("the gateway's third line", func() bool {
		return strings.Contains(readText(t, gateway.stdout), " line 3\n")
	})

	record := c.records("coder")[0]
	if !slices.Equal(record.args, args) {
		t.Errorf("it recorded the arguments %q, want %q", record.args, args)
	}
	if record.uid != "10000" || record.gid != "10000" || record.dir != "/" || record.env["HERMES_HOME"] != "/opt/data" {
		t.Errorf("it recorded %+v", record)
	}

	gateway.signal(syscall.SIGTERM)
	ended := gateway.wait()
	if ended.code != 1 || !strings.HasSuffix(ended.stdout, "coder "+record.pid+" last\n") {
		t.Errorf("on TERM it exited %d with %q", ended.code, ended.stdout)
	}
	if want := "coder " + record.pid + " starting\n"; ended.stderr != want {
		t.Errorf("it wrote %q to stderr, want %q", ended.stderr, want)
	}

	c.mustRun("hermes", "sh", "-c", "mkdir /opt/data/exit-with && echo 78 >/opt/data/exit-with/coder")
	if got := c.run("hermes", "/opt/hermes/.venv/bin/hermes", "-p", "coder").code; got != 78 {
		t.Errorf("told to exit 78, it exited %d", got)
	}
	if got := len(c.records("coder")); got != 2 {
		t.Errorf("there are %d records, want 2", got)
	}
}

// TestContainerLeavesNothing is not parallel: a process of another test could get the number of
// one that is looked for.
func TestContainerLeavesNothing(t *testing.T) {
	before := readText(t, "/proc/self/mountinfo")
	pid := 0
	t.Run("container", func(t *testing.T) {
		c := newContainer(t, ownS6())
		handMadeService(c, "gateway")
		pid = c.init.Process.Pid
		c.boot()
		c.spawn("hermes", "sleep", "1000")
		if during := readText(t, "/proc/self/mountinfo"); during != before {
			t.Errorf("a container's mounts are seen outside it:\n%s\nbefore:\n%s", during, before)
		}
	})
	if after := readText(t, "/proc/self/mountinfo"); after != before {
		t.Errorf("mounts are left:\n%s\nbefore:\n%s", after, before)
	}
	if pid == 0 {
		t.Skip("no container was made")
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("PID 1 of a container still runs, as %d", pid)
	}
}

// handMadeService writes a service directory for the default profile's stand-in gateway.
func handMadeService(c *container, name string) {
	c.t.Helper()
	dir := c.path("/run/service/" + name)
	run := "#!/command/with-contenv /bin/sh\nuser=hermes\nexec s6-setuidgid $user hermes gateway run\n"
	if err := os.Mkdir(dir, 0o755); err != nil {
		c.t.Fatalf("making a service: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run"), []byte(run), 0o755); err != nil {
		c.t.Fatalf("making a service: %v", err)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	return bytes.Equal([]byte(readText(t, a)), []byte(readText(t, b)))
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
