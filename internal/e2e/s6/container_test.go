package s6

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"slotgen/internal/e2e/harness"
)

// These tests check the container that the other tests rely on.

func TestContainerSupervises(t *testing.T) {
	t.Parallel()
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("COLOUR", "blue\ngreen"))
		handMadeService(c, "gateway")
		c.Boot()
		c.WaitFor("the gateway to come up", func() bool {
			return strings.HasPrefix(c.Svstat("gateway"), "up ") && len(c.Records("default")) > 0
		})

		if !sameFile(t, fmt.Sprintf("/proc/%d/exe", c.Init.Process.Pid), release.Program("s6-svscan")) {
			t.Errorf("PID 1 is not the s6-svscan of %s", release.Name)
		}
		if !sameFile(t, c.Path("/usr/bin/s6-supervise"), release.Program("s6-supervise")) {
			t.Errorf("s6-supervise is not the one of %s", release.Name)
		}
		record := c.Records("default")[0]
		if got := record.Env["COLOUR"]; got != "blue\ngreen" {
			t.Errorf("the service has COLOUR=%q", got)
		}
		if record.UID != "10000" || record.Groups != "10000" {
			t.Errorf("the service runs as %s with groups %s", record.UID, record.Groups)
		}
		c.WaitFor("lines on the console", func() bool {
			return strings.Contains(harness.ReadText(t, c.Console), "default "+record.PID+" line 3\n")
		})

		c.MustRun("root", "s6-svc", "-t", "/run/service/gateway")
		c.WaitFor("another start", func() bool { return len(c.Records("default")) == 2 })
		if !strings.Contains(harness.ReadText(t, c.Console), "default "+record.PID+" last\n") {
			t.Error("the gateway's last line is not on the console")
		}
	})
}

func TestContainerRunsCommands(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6(), harness.WithVar("COLOUR", "blue"))
	for user, want := range map[string]string{
		"root":     "0 0 0",
		"hermes":   fmt.Sprint(harness.HermesID, harness.HermesID, harness.HermesID),
		"stranger": fmt.Sprint(harness.StrangerID, harness.StrangerID, harness.StrangerID),
		"friend":   fmt.Sprint(harness.FriendID, harness.FriendID, harness.FriendID, harness.HermesID),
	} {
		got := c.MustRun(user, "sh", "-c", "echo $(id -u) $(id -g) $(id -G)")
		if got != want+"\n" {
			t.Errorf("%s is %q, want %q", user, got, want)
		}
	}

	got := c.RunEnv("hermes", []string{"SIZE=big"}, "sh", "-c", "pwd; echo $COLOUR $SIZE; echo oops >&2; exit 7")
	if want := (harness.ExecResult{Stdout: "/\nblue big\n", Stderr: "oops\n", Code: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := c.Run("hermes", "sh", "-c", "kill -KILL $$").Code; got != 128+9 {
		t.Errorf("a killed command has code %d", got)
	}
	for _, program := range []string{"slotgen", "with-contenv", "s6-svscan", "execlineb", "foreground"} {
		c.MustRun("hermes", "sh", "-c", `command -v "$0"`, program)
	}
}

func TestContainerRestartKeepsOnlyTheVolume(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	handMadeService(c, "gateway")
	c.Boot()
	c.MustRun("hermes", "touch", "/opt/data/kept", "/tmp/lost")
	c.MustRun("root", "touch", "/etc/lost")
	c.Restart()

	c.Boot()
	if got := c.MustRun("root", "ls", "/opt/data", "/run/service", "/tmp"); strings.Contains(got, "gateway") ||
		strings.Contains(got, "lost") || !strings.Contains(got, "kept") {
		t.Errorf("after the restart there is:\n%s", got)
	}
	if c.Run("root", "test", "-e", "/etc/lost").Code == 0 {
		t.Error("a file outside the volume outlived the restart")
	}
	if _, err := os.Stat(filepath.Join(c.Home, "kept")); err != nil {
		t.Errorf("the volume lost a file: %v", err)
	}
}

func TestContainerGateway(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6(), harness.WithVar("HERMES_HOME", "/opt/data"))
	args := []string{"-p", "coder", "gateway", "run", "", `two\nwords`, "two\nlines"}
	gateway := c.Spawn("hermes", append([]string{"/opt/hermes/.venv/bin/hermes"}, args...)...)
	c.WaitFor("the gateway's third line", func() bool {
		return strings.Contains(harness.ReadText(t, gateway.Stdout), " line 3\n")
	})

	record := c.Records("coder")[0]
	if !slices.Equal(record.Args, args) {
		t.Errorf("it recorded the arguments %q, want %q", record.Args, args)
	}
	if record.UID != "10000" || record.GID != "10000" || record.Dir != "/" || record.Env["HERMES_HOME"] != "/opt/data" {
		t.Errorf("it recorded %+v", record)
	}

	gateway.Signal(syscall.SIGTERM)
	ended := gateway.Wait()
	if ended.Code != 1 || !strings.HasSuffix(ended.Stdout, "coder "+record.PID+" last\n") {
		t.Errorf("on TERM it exited %d with %q", ended.Code, ended.Stdout)
	}
	if want := "coder " + record.PID + " starting\n"; ended.Stderr != want {
		t.Errorf("it wrote %q to stderr, want %q", ended.Stderr, want)
	}

	c.MustRun("hermes", "sh", "-c", "mkdir /opt/data/exit-with && echo 78 >/opt/data/exit-with/coder")
	if got := c.Run("hermes", "/opt/hermes/.venv/bin/hermes", "-p", "coder").Code; got != 78 {
		t.Errorf("told to exit 78, it exited %d", got)
	}
	if got := len(c.Records("coder")); got != 2 {
		t.Errorf("there are %d records, want 2", got)
	}
}

// TestContainerLeavesNothing is not parallel: a process of another test could get the PID that it
// checks.
func TestContainerLeavesNothing(t *testing.T) {
	before := harness.ReadText(t, "/proc/self/mountinfo")
	pid := 0
	t.Run("container", func(t *testing.T) {
		c := harness.NewContainer(t, harness.OwnS6())
		handMadeService(c, "gateway")
		pid = c.Init.Process.Pid
		c.Boot()
		c.Spawn("hermes", "sleep", "1000")
		if during := harness.ReadText(t, "/proc/self/mountinfo"); during != before {
			t.Errorf("a container's mounts are seen outside it:\n%s\nbefore:\n%s", during, before)
		}
	})
	if after := harness.ReadText(t, "/proc/self/mountinfo"); after != before {
		t.Errorf("mounts are left:\n%s\nbefore:\n%s", after, before)
	}
	if pid == 0 {
		t.Skip("no container was made")
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("PID 1 of a container still runs, as %d", pid)
	}
}

// handMadeService writes a service directory that runs the default profile's stand-in gateway.
func handMadeService(c *harness.Container, name string) {
	c.T.Helper()
	dir := c.Path("/run/service/" + name)
	run := "#!/command/with-contenv /bin/sh\nuser=hermes\nexec s6-setuidgid $user hermes gateway run\n"
	if err := os.Mkdir(dir, 0o755); err != nil {
		c.T.Fatalf("making a service: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run"), []byte(run), 0o755); err != nil {
		c.T.Fatalf("making a service: %v", err)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	return bytes.Equal([]byte(harness.ReadText(t, a)), []byte(harness.ReadText(t, b)))
}
