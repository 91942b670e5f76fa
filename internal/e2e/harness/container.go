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

// HermesID, StrangerID and FriendID are the uids of the container's accounts beside root. The
// user "friend" is also in the group "hermes".
const (
	HermesID   = 10000
	StrangerID = 10001
	FriendID   = 10002
)

// Container is an environment like slotgen's container: it has its own files, processes and /run,
// a real s6, and a volume at /opt/data. It consists of mount and PID namespaces over the files of
// the machine. So it needs root but no container engine. Its mounts do not appear on the machine.
type Container struct {
	Home    string // the volume: the container sees it as /opt/data; it outlives a restart
	Console string // a file: the container's log, with the output of PID 1 and its services

	T       *testing.T
	release S6Release
	vars    map[string]string
	scratch string
	Init    *exec.Cmd // PID 1; nil while the container is down
	stdin   io.Writer // a line here lets PID 1 start s6-svscan
}

// ContainerOption changes what NewContainer makes.
type ContainerOption func(*Container)

// HangLimitMS is testenv.HangLimit in milliseconds. Tests pass it as a time limit to programs
// that should end sooner.
var HangLimitMS = strconv.FormatInt(testenv.HangLimit.Milliseconds(), 10)

// WithVar sets a variable of the container's environment. with-contenv gives it to services, and
// Run gives it to commands.
func WithVar(name, value string) ContainerOption {
	return func(c *Container) { c.vars[name] = value }
}

// UnhurriedStop gives the stop script a time limit within which gateways end on any machine.
func UnhurriedStop(c *Container) { WithVar("SLOTGEN_STOP_TIMEOUT", HangLimitMS)(c) }

// NewContainer makes a container with the given s6 and an empty volume that belongs to hermes.
// s6-svscan does not run until Boot is called. The end of the test removes everything.
// Without root or without that s6 the test is skipped; with CI=true it fails.
func NewContainer(t *testing.T, release S6Release, options ...ContainerOption) *Container {
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

// Boot lets PID 1 become s6-svscan. It returns when s6-svscan takes commands.
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

// Restart kills every process and makes the container anew. The volume and the console stay. /run
// and all other files start over, and s6-svscan waits for Boot.
func (c *Container) Restart() {
	c.T.Helper()
	c.kill()
	c.start()
}

// Path returns the machine's path of an absolute path in the container. It is valid until the
// next restart. An absolute symbolic link in the path leads to the machine's own files.
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

// writeVars fills the directory that with-contenv loads. The PATH of the image holds the
// gateway's virtual environment.
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

// kill ends PID 1 and so all processes and mounts of the container.
func (c *Container) kill() {
	if c.Init == nil {
		return
	}
	// Wait returns when the last process of the namespace has ended. Its error says only that PID 1
	// was killed. The error of Kill says only that PID 1 had ended before.
	_ = c.Init.Process.Kill()
	_ = c.Init.Wait()
	c.Init = nil
}

// WaitFor polls until the condition holds. It fails the test after testenv.HangLimit.
func (c *Container) WaitFor(what string, condition func() bool) {
	c.T.Helper()
	if !testenv.Holds(condition) {
		c.T.Fatalf("waited %v in vain for %s%s", testenv.HangLimit, what, c.consoleTail())
	}
}

// consoleTail returns the last lines of the console, for the end of a failure message.
func (c *Container) consoleTail() string {
	text, err := os.ReadFile(c.Console)
	if err != nil {
		return fmt.Sprintf("\nreading the console: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return "\nthe console ends in:\n\t" + strings.Join(lines[max(0, len(lines)-20):], "\n\t")
}
