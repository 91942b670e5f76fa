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

// ExecResult holds the output and the exit code of a command that ran inside a container.
type ExecResult struct {
	Stdout, Stderr string
	Code           int // as in a shell: 128 plus the number of the signal that ended it
}

// Run runs a command inside the container, as "docker exec" would, and waits until it has ended.
// The user has its supplementary groups, and the working directory is /. The environment holds
// the variables of WithVar and a PATH with the programs of s6 and slotgen.
func (c *Container) Run(user string, argv ...string) ExecResult {
	c.T.Helper()
	return c.RunEnv(user, nil, argv...)
}

// RunEnv runs a command as Run does, with more variables, each as NAME=VALUE.
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

// MustRun runs a command as Run does and returns its standard output. It fails the test when the
// command fails.
func (c *Container) MustRun(user string, argv ...string) string {
	c.T.Helper()
	result := c.Run(user, argv...)
	if result.Code != 0 {
		c.T.Fatalf("%q as %s exited %d\nstdout: %s\nstderr: %s%s",
			argv, user, result.Code, result.Stdout, result.Stderr, c.consoleTail())
	}
	return result.Stdout
}

// Svstat returns the output of s6-svstat for a service of /run/service, or its error message.
func (c *Container) Svstat(slot string) string {
	c.T.Helper()
	result := c.Run("root", "s6-svstat", "/run/service/"+slot)
	return strings.TrimSpace(result.Stdout + result.Stderr)
}

// command prepares a command inside the container. The end of ctx kills the command and its
// children.
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

// codeOf returns the exit code of a command that has ended. nsenter ends as its program did.
func codeOf(cmd *exec.Cmd) int {
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// ContainerProcess is a program that runs inside a container beside the test.
type ContainerProcess struct {
	C      *Container
	Cmd    *exec.Cmd
	Stdout string // the file with the program's output so far
	Stderr string
	ended  chan struct{}
}

// Spawn starts a command inside the container, as Run does, and does not wait for its end.
// The end of the container ends the command.
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
		_ = p.Cmd.Wait() // codeOf has the exit code
	}()
	return p
}

// CreateFile creates a file and fails the test when it can't.
func CreateFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatalf("spawning: %v", err)
	}
	return file
}

// Signal sends a signal to the program. The caller must know that the program has started.
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

// child returns the PID of the program on the machine, or "" when it has not started.
func (p *ContainerProcess) child() string {
	// The test started nsenter. The program is its only child.
	pid := p.Cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return strings.TrimSpace(string(children))
}

// HasOpen reports whether the program has a file with that base name open.
func (p *ContainerProcess) HasOpen(name string) bool {
	links, _ := filepath.Glob("/proc/" + p.child() + "/fd/*") // the pattern is valid
	return slices.ContainsFunc(links, func(link string) bool {
		target, _ := os.Readlink(link)
		return filepath.Base(target) == name
	})
}

// Wait waits until the program has ended and returns its result. It fails the test when the
// program still runs after testenv.HangLimit.
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

// HermesRecord is the record that the stand-in gateway writes about one of its starts.
type HermesRecord struct {
	PID, UID, GID, Groups, Dir string // spaces separate the groups
	Args                       []string
	Env                        map[string]string
}

// Records returns the starts of a profile's stand-in gateway, the earliest first. It leaves out
// a record that is not complete. It looks only on the volume. A gateway that runs with another
// HERMES_HOME writes its record below that directory.
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
			record.PID = value
		case "uid":
			record.UID = value
		case "gid":
			record.GID = value
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
