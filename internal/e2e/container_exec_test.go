package e2e

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

// execResult is what a command inside a container left.
type execResult struct {
	stdout, stderr string
	code           int // as a shell counts: 128 and the number where a signal ended it
}

// run runs a command inside the container, as "docker exec" would, and returns when it has ended.
// The user has its supplementary groups, the working directory is /, and the environment holds the
// variables of withVar and a PATH, in which s6's programs and slotgen are.
func (c *container) run(user string, argv ...string) execResult {
	c.t.Helper()
	return c.runEnv(user, nil, argv...)
}

// runEnv is run with more variables, each as NAME=VALUE.
func (c *container) runEnv(user string, env []string, argv ...string) execResult {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testenv.HangLimit)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := c.command(ctx, user, env, argv)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A daemon that the command leaves behind may keep its output open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		c.t.Fatalf("running %q: not done after %v\n%s%s%s", argv, testenv.HangLimit, &stdout, &stderr, c.consoleTail())
	}
	if cmd.ProcessState == nil {
		c.t.Fatalf("running %q: %v", argv, err)
	}
	return execResult{stdout.String(), stderr.String(), codeOf(cmd)}
}

// mustRun is run for a command that has to succeed; it returns what it printed.
func (c *container) mustRun(user string, argv ...string) string {
	c.t.Helper()
	result := c.run(user, argv...)
	if result.code != 0 {
		c.t.Fatalf("%q as %s exited %d\nstdout: %s\nstderr: %s%s",
			argv, user, result.code, result.stdout, result.stderr, c.consoleTail())
	}
	return result.stdout
}

// svstat returns what s6-svstat says about a service of /run/service, or why it can't say.
func (c *container) svstat(slot string) string {
	c.t.Helper()
	result := c.run("root", "s6-svstat", "/run/service/"+slot)
	return strings.TrimSpace(result.stdout + result.stderr)
}

// command prepares a command inside the container. It is killed with its children when ctx ends.
func (c *container) command(ctx context.Context, user string, env, argv []string) *exec.Cmd {
	args := []string{
		"--target", strconv.Itoa(c.init.Process.Pid), "--mount", "--pid", "--root", "--wdns=/", "--",
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

// containerProcess is a program that runs inside a container while the test goes on.
type containerProcess struct {
	c      *container
	cmd    *exec.Cmd
	stdout string // the file that holds what it wrote so far
	stderr string
	ended  chan struct{}
}

// spawn starts a command inside the container, as run does, and does not wait for it.
// It ends with the container at the latest.
func (c *container) spawn(user string, argv ...string) *containerProcess {
	c.t.Helper()
	dir := c.t.TempDir()
	p := &containerProcess{
		c:      c,
		cmd:    c.command(context.Background(), user, nil, argv),
		stdout: filepath.Join(dir, "stdout"),
		stderr: filepath.Join(dir, "stderr"),
		ended:  make(chan struct{}),
	}
	stdout, stderr := createFile(c.t, p.stdout), createFile(c.t, p.stderr)
	defer stdout.Close()
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	if err := p.cmd.Start(); err != nil {
		c.t.Fatalf("spawning %q: %v", argv, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // codeOf says how it ended
	}()
	return p
}

func createFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatalf("spawning: %v", err)
	}
	return file
}

// signal sends a signal to the program. A test first waits for a sign that the program is up.
func (p *containerProcess) signal(sig syscall.Signal) {
	p.c.t.Helper()
	pid, err := strconv.Atoi(p.child())
	if err == nil {
		err = syscall.Kill(pid, sig)
	}
	if err != nil {
		p.c.t.Fatalf("signalling %q: %v", p.cmd.Args, err)
	}
}

// child returns the machine's number of the program, or nothing where it has not started.
func (p *containerProcess) child() string {
	// The process that was started is nsenter; the program is its only child.
	pid := p.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return strings.TrimSpace(string(children))
}

// hasOpen reports whether the program has a file of that name open.
func (p *containerProcess) hasOpen(name string) bool {
	links, _ := filepath.Glob("/proc/" + p.child() + "/fd/*") // the pattern is right
	return slices.ContainsFunc(links, func(link string) bool {
		target, _ := os.Readlink(link)
		return filepath.Base(target) == name
	})
}

// wait returns what the program left when it has ended, and fails the test when it never does.
func (p *containerProcess) wait() execResult {
	p.c.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(testenv.HangLimit):
		p.c.t.Fatalf("%q still runs after %v%s", p.cmd.Args, testenv.HangLimit, p.c.consoleTail())
	}
	stdout, err := os.ReadFile(p.stdout)
	stderr, err2 := os.ReadFile(p.stderr)
	if err := errors.Join(err, err2); err != nil {
		p.c.t.Fatalf("reading what %q wrote: %v", p.cmd.Args, err)
	}
	return execResult{string(stdout), string(stderr), codeOf(p.cmd)}
}

// hermesRecord is what the stand-in gateway noted about one of its starts.
type hermesRecord struct {
	pid, uid, gid, groups, dir string // groups are separated by spaces
	args                       []string
	env                        map[string]string
}

// records returns the starts of a profile's stand-in gateway, the earliest first. The file is
// below the volume unless the gateway ran with another HERMES_HOME; one half written is left out.
func (c *container) records(profile string) []hermesRecord {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.home, "record", profile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Fatalf("reading a gateway's record: %v", err)
	}
	starts := strings.Split(string(text), "\nend\n")
	records := make([]hermesRecord, 0, len(starts))
	for _, start := range starts[:len(starts)-1] {
		records = append(records, parseRecord(start))
	}
	return records
}

func parseRecord(text string) hermesRecord {
	unescape := strings.NewReplacer(`\\`, `\`, `\n`, "\n")
	record := hermesRecord{env: map[string]string{}}
	for line := range strings.Lines(text) {
		label, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch value = unescape.Replace(value); label {
		case "pid":
			record.pid = value
		case "uid":
			record.uid = value
		case "gid":
			record.gid = value
		case "groups":
			record.groups = value
		case "dir":
			record.dir = value
		case "arg":
			record.args = append(record.args, value)
		case "env":
			name, value, _ := strings.Cut(value, "=")
			record.env[name] = value
		}
	}
	return record
}
