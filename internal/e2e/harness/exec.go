package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/testenv"
)

// ExecResult is what a command inside a container left.
type ExecResult struct {
	Stdout, Stderr string
	Code           int // as a shell counts: 128 and the number where a signal ended it
}

// Run runs a command inside the container, as "docker exec" would, and returns when it has ended.
// The user has its supplementary groups, the working directory is /, and the environment holds the
// variables of withVar and a PATH, in which s6's programs and slotgen are.
func (c *Container) Run(user string, argv ...string) ExecResult {
	c.T.Helper()
	return c.RunEnv(user, nil, argv...)
}

// RunEnv is run with more variables, each as NAME=VALUE.
func (c *Container) RunEnv(user string, env []string, argv ...string) ExecResult {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testenv.HangLimit)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := c.command(ctx, user, env, argv)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A daemon that the command leaves behind may keep its output open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		c.T.Fatalf("running %q: not done after %v\n%s%s%s", argv, testenv.HangLimit, &stdout, &stderr, c.consoleTail())
	}
	if cmd.ProcessState == nil {
		c.T.Fatalf("running %q: %v", argv, err)
	}
	return ExecResult{stdout.String(), stderr.String(), codeOf(cmd)}
}

// MustRun is run for a command that has to succeed; it returns what it printed.
func (c *Container) MustRun(user string, argv ...string) string {
	c.T.Helper()
	result := c.Run(user, argv...)
	if result.Code != 0 {
		c.T.Fatalf("%q as %s exited %d\nstdout: %s\nstderr: %s%s",
			argv, user, result.Code, result.Stdout, result.Stderr, c.consoleTail())
	}
	return result.Stdout
}

// Svstat returns what s6-svstat says about a service of /run/service, or why it can't say.
func (c *Container) Svstat(slot string) string {
	c.T.Helper()
	result := c.Run("root", "s6-svstat", "/run/service/"+slot)
	return strings.TrimSpace(result.Stdout + result.Stderr)
}

// command prepares a command inside the container. It is killed with its children when ctx ends.
func (c *Container) command(ctx context.Context, user string, env, argv []string) *exec.Cmd {
	args := []string{
		"--target", strconv.Itoa(c.Init.Process.Pid), "--mount", "--pid", "--root", "--wdns=/", "--",
		"/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups", "--",
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, argv...)...)
	cmd.Env = []string{"PATH=/command:/usr/local/bin:/usr/bin:/bin"}
	for name, value := range c.vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// codeOf returns the code of a command that has ended. nsenter ends as its program did.
func codeOf(cmd *exec.Cmd) int {
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// ContainerProcess is a program that runs inside a container while the test goes on.
type ContainerProcess struct {
	C      *Container
	Cmd    *exec.Cmd
	Stdout string // the file that holds what it wrote so far
	Stderr string
	ended  chan struct{}
}

// Spawn starts a command inside the container, as run does, and does not wait for it.
// It ends with the container at the latest.
func (c *Container) Spawn(user string, argv ...string) *ContainerProcess {
	c.T.Helper()
	dir := c.T.TempDir()
	p := &ContainerProcess{
		C:      c,
		Cmd:    c.command(context.Background(), user, nil, argv),
		Stdout: filepath.Join(dir, "stdout"),
		Stderr: filepath.Join(dir, "stderr"),
		ended:  make(chan struct{}),
	}
	stdout, stderr := CreateFile(c.T, p.Stdout), CreateFile(c.T, p.Stderr)
	defer stdout.Close()
	defer stderr.Close()
	p.Cmd.Stdout, p.Cmd.Stderr = stdout, stderr
	if err := p.Cmd.Start(); err != nil {
		c.T.Fatalf("spawning %q: %v", argv, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Cmd.Wait() // codeOf says how it ended
	}()
	return p
}

func CreateFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatalf("spawning: %v", err)
	}
	return file
}

// Signal sends a signal to the program. A test first waits for a sign that the program is up.
func (p *ContainerProcess) Signal(sig syscall.Signal) {
	p.C.T.Helper()
	pid, err := strconv.Atoi(p.child())
	if err == nil {
		err = syscall.Kill(pid, sig)
	}
	if err != nil {
		p.C.T.Fatalf("signalling %q: %v", p.Cmd.Args, err)
	}
}

// child returns the machine's number of the program, or nothing where it has not started.
func (p *ContainerProcess) child() string {
	// The process that was started is nsenter; the program is its only child.
	pid := p.Cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return strings.TrimSpace(string(children))
}

// HasOpen reports whether the program has a file of that name open.
func (p *ContainerProcess) HasOpen(name string) bool {
	links, _ := filepath.Glob("/proc/" + p.child() + "/fd/*") // the pattern is right
	return slices.ContainsFunc(links, func(link string) bool {
		target, _ := os.Readlink(link)
		return filepath.Base(target) == name
	})
}

// Wait returns what the program left when it has ended, and fails the test when it never does.
func (p *ContainerProcess) Wait() ExecResult {
	p.C.T.Helper()
	select {
	case <-p.ended:
	case <-time.After(testenv.HangLimit):
		p.C.T.Fatalf("%q still runs after %v%s", p.Cmd.Args, testenv.HangLimit, p.C.consoleTail())
	}
	stdout, err := os.ReadFile(p.Stdout)
	stderr, err2 := os.ReadFile(p.Stderr)
	if err := errors.Join(err, err2); err != nil {
		p.C.T.Fatalf("reading what %q wrote: %v", p.Cmd.Args, err)
	}
	return ExecResult{string(stdout), string(stderr), codeOf(p.Cmd)}
}

// HermesRecord is what the stand-in gateway noted about one of its starts.
type HermesRecord struct {
	Pid, Uid, Gid, Groups, Dir string // groups are separated by spaces
	Args                       []string
	Env                        map[string]string
}

// Records returns the starts of a profile's stand-in gateway, the earliest first. The file is
// below the volume unless the gateway ran with another HERMES_HOME; one half written is left out.
func (c *Container) Records(profile string) []HermesRecord {
	c.T.Helper()
	text, err := os.ReadFile(filepath.Join(c.Home, "record", profile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.T.Fatalf("reading a gateway's record: %v", err)
	}
	starts := strings.Split(string(text), "\nend\n")
	records := make([]HermesRecord, 0, len(starts))
	for _, start := range starts[:len(starts)-1] {
		records = append(records, parseRecord(start))
	}
	return records
}

func parseRecord(text string) HermesRecord {
	unescape := strings.NewReplacer(`\\`, `\`, `\n`, "\n")
	record := HermesRecord{Env: map[string]string{}}
	for line := range strings.Lines(text) {
		label, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch value = unescape.Replace(value); label {
		case "pid":
			record.Pid = value
		case "uid":
			record.Uid = value
		case "gid":
			record.Gid = value
		case "groups":
			record.Groups = value
		case "dir":
			record.Dir = value
		case "arg":
			record.Args = append(record.Args, value)
		case "env":
			name, value, _ := strings.Cut(value, "=")
			record.Env[name] = value
		}
	}
	return record
}
