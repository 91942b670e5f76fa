package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/testenv"
)

// The accounts inside a container, beside root. The user "friend" is in the group "hermes" too.
const (
	HermesID   = 10000
	StrangerID = 10001
	FriendID   = 10002
)

// Container is a container as slotgen meets it: its own files, processes and /run, a real s6, and
// a volume at /opt/data. It is made of mount and PID namespaces over the machine's own files, so
// it needs root but no container engine. Nothing of it is mounted on the machine.
type Container struct {
	Home    string // the volume: this folder is /opt/data inside and outlives a restart
	Console string // a file with all that PID 1 and what it supervises wrote to the container's log

	T       *testing.T
	release S6Release
	vars    map[string]string
	scratch string
	Init    *exec.Cmd // PID 1; nil while the container is down
	stdin   io.Writer // a line here lets PID 1 start s6-svscan
}

type containerOption func(*Container)

// HangLimitMS is testenv.HangLimit as a number of milliseconds: a limit that a test gives a program
// that has to be done before.
var HangLimitMS = strconv.FormatInt(testenv.HangLimit.Milliseconds(), 10)

// WithVar sets a variable of the container's environment: with-contenv gives it to services, and
// run to commands.
func WithVar(name, value string) containerOption {
	return func(c *Container) { c.vars[name] = value }
}

// UnhurriedStop gives the stop script so much time that gateways end within it on any machine.
func UnhurriedStop(c *Container) { WithVar("SLOTGEN_STOP_TIMEOUT", HangLimitMS)(c) }

// NewContainer makes a container with the given s6 and an empty volume that belongs to hermes.
// No s6-svscan runs until boot is called. The test's end removes everything.
// Without root or that s6 the test is skipped, or fails where CI=true.
func NewContainer(t *testing.T, release S6Release, options ...containerOption) *Container {
	t.Helper()
	testenv.NeedTime(t, "boots a container")
	testenv.NeedRoot(t, "makes a container of mount and PID namespaces")
	testenv.Need(t, release.Missing == "", release.Missing)
	c := &Container{
		T:       t,
		release: release,
		Home:    t.TempDir(),
		Console: filepath.Join(t.TempDir(), "console"),
		scratch: t.TempDir(),
		vars:    map[string]string{},
	}
	if err := os.Chown(c.Home, HermesID, HermesID); err != nil {
		t.Fatalf("giving the volume to hermes: %v", err)
	}
	for _, option := range options {
		option(c)
	}
	t.Cleanup(c.kill)
	c.start()
	return c
}

// Boot lets PID 1 become s6-svscan and returns when it takes commands.
func (c *Container) Boot() {
	c.T.Helper()
	if _, err := io.WriteString(c.stdin, "boot\n"); err != nil {
		c.T.Fatalf("starting s6-svscan: %v%s", err, c.consoleTail())
	}
	c.WaitFor("s6-svscan to read its control pipe", func() bool {
		fd, err := syscall.Open(c.Path("/run/service/.s6-svscan/control"), syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return false
		}
		return syscall.Close(fd) == nil
	})
}

// Restart kills every process and makes the container anew, as in newContainer: the volume and
// the console stay, /run and all other files start over, and s6-svscan waits for boot.
func (c *Container) Restart() {
	c.T.Helper()
	c.kill()
	c.start()
}

// Path returns where the machine sees an absolute path of the container, until the next restart.
// An absolute symbolic link in it would lead to the machine's own files.
func (c *Container) Path(inside string) string {
	return fmt.Sprintf("/proc/%d/root%s", c.Init.Process.Pid, inside)
}

func (c *Container) start() {
	c.T.Helper()
	image, err := filepath.Abs("testdata/image")
	if err != nil {
		c.T.Fatalf("finding the image: %v", err)
	}
	console, err := os.OpenFile(c.Console, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		c.T.Fatalf("opening the console: %v", err)
	}
	defer console.Close()
	ready, readyInside, err := os.Pipe()
	if err != nil {
		c.T.Fatalf("making a pipe: %v", err)
	}
	defer ready.Close()
	defer readyInside.Close()

	cmd := exec.Command(filepath.Join(image, "init"))
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"IMAGE=" + image,
		"SCRATCH=" + c.scratch,
		"TREE=" + c.release.tree,
		"DATA=" + c.Home,
		"SLOTGEN=" + SlotgenBinary(c.T),
	}
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{readyInside}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Setsid:     true,
		// Cleanups do not run when a test binary panics or is killed.
		Pdeathsig: syscall.SIGKILL,
	}
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		c.T.Fatalf("making a pipe: %v", err)
	}
	if err := cmd.Start(); err != nil {
		c.T.Fatalf("starting PID 1: %v", err)
	}
	c.Init = cmd
	readyInside.Close()
	if err := waitForLine(ready); err != nil {
		c.T.Fatalf("making the container: %v%s", err, c.consoleTail())
	}
	c.writeVars()
}

// waitForLine returns nil when a line arrives.
func waitForLine(pipe *os.File) error {
	if err := pipe.SetReadDeadline(time.Now().Add(testenv.HangLimit)); err != nil {
		return err
	}
	_, err := bufio.NewReader(pipe).ReadString('\n')
	if errors.Is(err, io.EOF) {
		return errors.New("PID 1 ended early")
	}
	return err
}

// writeVars fills the directory that with-contenv loads. The image's PATH has the gateway's
// virtual environment in it.
func (c *Container) writeVars() {
	c.T.Helper()
	vars := map[string]string{"PATH": "/command:/opt/hermes/.venv/bin:/usr/local/bin:/usr/bin:/bin"}
	maps.Copy(vars, c.vars)
	for name, value := range vars {
		file := c.Path("/run/s6/container_environment/" + name)
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			c.T.Fatalf("setting a variable of the container: %v", err)
		}
	}
}

// kill ends PID 1, and with it all processes and mounts of the container.
func (c *Container) kill() {
	if c.Init == nil {
		return
	}
	// Wait returns when the last process of the namespace is gone. Its error only says that PID 1
	// was killed, and Kill's that it had ended before.
	_ = c.Init.Process.Kill()
	_ = c.Init.Wait()
	c.Init = nil
}

// WaitFor polls until the condition holds, and fails the test when it never does.
func (c *Container) WaitFor(what string, condition func() bool) {
	c.T.Helper()
	if !testenv.Holds(condition) {
		c.T.Fatalf("waited %v in vain for %s%s", testenv.HangLimit, what, c.consoleTail())
	}
}

// consoleTail returns the console's last lines, to be put after a failure's message.
func (c *Container) consoleTail() string {
	text, err := os.ReadFile(c.Console)
	if err != nil {
		return fmt.Sprintf("\nreading the console: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return "\nthe console ends in:\n\t" + strings.Join(lines[max(0, len(lines)-20):], "\n\t")
}
