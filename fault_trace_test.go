package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

// faultShell starts every run: no mode may depend on the umask.
const faultShell = `umask 077; exec "$0" "$@"`

// faultCall is one file system call of a run under strace.
type faultCall struct {
	name string
	// about is what the call is about, the same in every run: paths and flags.
	about string
	// time tells the calls of one name about the same apart: 1, 2, …
	time int
	// n is which call of its name it is in its thread: what strace counts.
	n int
	// site is the stack that it was made from, in a run that was to have it.
	site string
	// hit is true where the fault was injected.
	hit bool
}

func (c faultCall) key() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", c.name, c.about)) + fmt.Sprintf(" (%d)", c.time)
}

// renames tells whether the call gives a name or takes one away.
func (c faultCall) renames() bool {
	return strings.HasPrefix(c.name, "rename") || strings.HasPrefix(c.name, "link") || strings.HasPrefix(c.name, "unlink")
}

// reads tells that a kill before the call leaves what a kill before the next one
// does.
func (c faultCall) reads() bool {
	switch c.name {
	case "close", "fcntl", "flock", "fstat", "fstatfs", "fsync", "getdents64", "newfstatat", "pread64", "read", "readlinkat":
		return true
	}
	return false
}

// changes tells whether the call changes names or texts: then each of its uses
// counts, not only each place in the program.
func (c faultCall) changes() bool { return c.renames() || c.name == "write" || c.name == "mkdirat" }

// fault is a call that is not made: the run is killed there, or the call fails.
type fault struct {
	call  faultCall
	errno unix.Errno // 0 kills
}

func (x fault) kills() bool { return x.errno == 0 }

func (x fault) String() string {
	what := "KILL"
	if !x.kills() {
		what = unix.ErrnoName(x.errno)
	}
	return fmt.Sprintf("%s at %s", what, x.call.key())
}

// options makes strace inject it. Only calls of that name are traced.
func (x fault) options() []string {
	what := "signal=KILL"
	if !x.kills() {
		what = "error=" + unix.ErrnoName(x.errno)
	}
	return []string{"-e", "trace=" + x.call.name, "-e", fmt.Sprintf("inject=%s:%s:when=%d", x.call.name, what, x.call.n)}
}

// faultErrors are what a call is made to fail with.
func faultErrors() []unix.Errno {
	return []unix.Errno{unix.ENOSPC, unix.EIO, unix.EACCES, unix.EROFS, unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EMFILE}
}

// faultRun is what came of one run.
type faultRun struct {
	calls          []faultCall
	killed         bool
	code           int
	stdout, stderr string
}

// mayLitter tells whether the run may leave what it had not renamed or removed
// yet, under names that nobody takes for real: it was killed, or says so.
func (r faultRun) mayLitter() bool {
	return r.killed || r.code != exitOK || strings.Contains(r.stderr, "slotgen: warning: clearing leftover ") ||
		strings.Contains(r.stderr, `slotgen: warning: removing ".logs.new": `)
}

// roleless tells whether the run says that it does not know what the container is
// for.
func (r faultRun) roleless() bool {
	return strings.Contains(r.stderr, "slotgen: warning: finding the container's role: ")
}

// hit returns the call of that name where a fault was injected.
func (r faultRun) hit(name string) (faultCall, bool) {
	i := slices.IndexFunc(r.calls, func(c faultCall) bool { return c.hit && c.name == name })
	if i < 0 {
		return faultCall{}, false
	}
	return r.calls[i], true
}

// needStrace skips the test where strace is missing, or can't show stacks.
func needStrace(t *testing.T) {
	t.Helper()
	out, err := exec.Command("strace", "-V").Output()
	testenv.Need(t, err == nil && strings.Contains(string(out), "stack-trace="), "needs a strace that shows stacks: run .ci/test as root, which installs it")
}

// trace makes the run of the situation under strace.
func (f *faults) trace(options ...string) faultRun {
	f.t.Helper()
	log := filepath.Join(f.dir, "trace")
	args := []string{"-c", faultShell, "strace", "-f", "-qq", "-y", "-s", "0", "-e", "signal=none", "-o", log}
	if f.always != "" {
		name, _, _ := strings.Cut(f.always, ":")
		args = append(args, "-e", "inject="+f.always)
		for i, option := range options {
			if strings.HasPrefix(option, "trace=") {
				options[i] += "," + name
			}
		}
	}
	args = append(append(args, options...), f.command(oneThreadBinary(f.t), f.args)...)
	ctx, cancel := context.WithTimeout(context.Background(), testenv.HangLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", args...)
	// With one processor the pass has one worker. The runtime looks at its limits now
	// and then, and interrupts what runs long by signals, each of which may part the
	// listing of a directory in two.
	cmd.Env = append(os.Environ(), "TZ=UTC", "GOMAXPROCS=1", "GODEBUG=updatemaxprocs=0,asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// Files: pipes have another name in each run.
	stdout, stderr := createFile(f.t, filepath.Join(f.dir, "stdout")), createFile(f.t, filepath.Join(f.dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	_ = cmd.Run() // its code is looked at
	if ctx.Err() != nil {
		f.t.Errorf("%q: not done after %s", options, testenv.HangLimit)
	}
	code := cmd.ProcessState.ExitCode()
	return faultRun{
		calls:  parseTrace(readText(f.t, log), f.dir),
		killed: code == -1 || code == 128+int(syscall.SIGKILL), code: code,
		stdout: readText(f.t, stdout.Name()), stderr: readText(f.t, stderr.Name()),
	}
}

// reference returns the calls of an undisturbed run, with their stacks, from
// the first that main made.
func (f *faults) reference() []faultCall {
	f.t.Helper()
	var run faultRun
	for range 5 {
		undo := f.arranged()
		run = f.trace("-k", "-e", "trace=%file,%desc")
		undo()
		if !strings.Contains(run.stderr, "strace: ") { // it may miss a thread that ends
			break
		}
	}
	if run.code != exitOK && len(f.fails) == 0 {
		f.t.Fatalf("undisturbed, the run exits with %d\n%s%s", run.code, run.stdout, run.stderr)
	}
	first := slices.IndexFunc(run.calls, func(c faultCall) bool { return strings.Contains(c.site, "(main.main+") })
	if first < 0 {
		f.t.Fatal("strace shows no stack of the program")
	}
	always, _, _ := strings.Cut(f.always, ":")
	return slices.DeleteFunc(run.calls[first:], func(c faultCall) bool { return c.name == always || isNoFileCall(c.name) })
}

// counts returns which call of its name each call is.
func (f *faults) counts() map[string]int {
	f.t.Helper()
	defer f.arranged()()
	n := map[string]int{}
	for _, c := range f.trace("-e", "trace=%file,%desc").calls {
		n[c.key()] = c.n
	}
	return n
}

// isNoFileCall tells whether a call that strace lists among those on files or
// descriptors touches neither.
func isNoFileCall(name string) bool {
	return name == "execve" || name == "mmap" || name == "eventfd2" || strings.HasPrefix(name, "epoll_")
}

var (
	traceCall    = regexp.MustCompile(`^(\d+) +(\w+)\((.*)`)
	traceResumed = regexp.MustCompile(`^(\d+) +<\.\.\. \w+ resumed>`)
	traceNoise   = regexp.MustCompile(`<unfinished \.\.\.>.*|\) += .*|\{[^}]*\}|""`)
	tracePart    = regexp.MustCompile(`<[^>]*>|"[^"]*"|\b[FO]_[A-Z_]+\b|\bRENAME_[A-Z]+\b`)
	traceRandom  = regexp.MustCompile(`\d{10,}`)
	traceProcess = regexp.MustCompile(`</proc/\d+/`)
)

// parseTrace reads what strace wrote of a run whose paths are below dir.
func parseTrace(text, dir string) []faultCall {
	var calls []faultCall
	byThread, times, open := map[string]int{}, map[string]int{}, map[string]int{}
	last := -1
	for line := range strings.Lines(text) {
		switch m := traceCall.FindStringSubmatch(line); {
		case m != nil:
			about := strings.Join(tracePart.FindAllString(traceNoise.ReplaceAllString(m[3], ""), -1), " ")
			about = traceRandom.ReplaceAllString(strings.ReplaceAll(about, dir, "~"), "#")
			about = traceProcess.ReplaceAllString(about, "</proc/self/")
			byThread[m[1]+m[2]]++
			times[m[2]+about]++
			calls = append(calls, faultCall{name: m[2], about: about, time: times[m[2]+about], n: byThread[m[1]+m[2]]})
			last = len(calls) - 1
			open[m[1]] = last
		case strings.HasPrefix(line, " > ") && last >= 0:
			calls[last].site += line
			continue
		default:
			m := traceResumed.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			last = open[m[1]]
		}
		calls[last].hit = calls[last].hit || strings.HasSuffix(line, " = ?\n") || strings.HasSuffix(line, "(INJECTED)\n")
	}
	return calls
}
