package fault

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// faultShell starts every run with a strict umask: no mode may depend on the umask.
const faultShell = `umask 077; exec "$0" "$@"`

// faultRun is the result of one run.
type faultRun struct {
	calls          []faultCall
	killed         bool
	code           int
	stdout, stderr string
}

// mayLeaveFiles reports whether the run may leave temporary files: it was killed, it failed, or it
// reports them.
func (r faultRun) mayLeaveFiles() bool {
	return r.killed || r.code != harness.ExitOK || r.reports("slotgen: warning: clearing leftover ") ||
		r.reports("but the previous copy was not removed: removing ")
}

// reports tells if the run printed the text or could not print. strace counts the calls of
// each thread separately, so a fault may also hit the thread that writes messages.
func (r faultRun) reports(text string) bool {
	return strings.Contains(r.stderr, text) ||
		slices.ContainsFunc(r.calls, func(c faultCall) bool { return c.hit && c.prints() })
}

// unknownRole reports whether the run reports that it can't find the container's role.
func (r faultRun) unknownRole() bool {
	return strings.Contains(r.stderr, "slotgen: warning: finding the container's role: ")
}

// hit returns the call with that name into which strace injected a fault.
func (r faultRun) hit(name string) (faultCall, bool) {
	i := slices.IndexFunc(r.calls, func(c faultCall) bool { return c.hit && c.name == name })
	if i < 0 {
		return faultCall{}, false
	}
	return r.calls[i], true
}

// trace makes the run of the situation under strace. strace traces only the calls with the names.
func (f *faults) trace(names string, options ...string) faultRun {
	f.t.Helper()
	log := filepath.Join(f.dir, "trace")
	args := []string{"-c", faultShell, "strace", "-f", "-qq", "-y", "-s", "0", "-e", "signal=none", "-o", log}
	if f.always != "" {
		names += "," + f.alwaysFails()
		args = append(args, "-e", "inject="+f.always)
	}
	args = append(append(args, "-e", "trace="+names), options...)
	args = append(args, f.command(harness.OneThreadBinary(f.t), f.args)...)
	ctx, cancel := context.WithTimeout(context.Background(), testenv.HangLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", args...)
	// With one processor the pass has one worker. GODEBUG disables two habits of the Go runtime: it
	// rereads its processor limits, and it interrupts long-running code with signals. A signal can
	// split the listing of a directory in two.
	cmd.Env = append(os.Environ(), "TZ=UTC", "GOMAXPROCS=1", "GODEBUG=updatemaxprocs=0,asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// stdout and stderr are files, because pipes have another name in each run.
	stdout, stderr := harness.CreateFile(f.t, filepath.Join(f.dir, "stdout")), harness.CreateFile(f.t, filepath.Join(f.dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	_ = cmd.Run() // the exit code is checked below
	if ctx.Err() != nil {
		f.t.Errorf("%q: not done after %s", args, testenv.HangLimit)
	}
	code := cmd.ProcessState.ExitCode()
	return faultRun{
		calls:  parseTrace(harness.ReadText(f.t, log), f.dir),
		killed: code == -1 || code == 128+int(syscall.SIGKILL), code: code,
		stdout: harness.ReadText(f.t, stdout.Name()), stderr: harness.ReadText(f.t, stderr.Name()),
	}
}

// alwaysFails returns the name of the call that fails during the whole run.
func (f *faults) alwaysFails() string {
	name, _, _ := strings.Cut(f.always, ":")
	return name
}

// reference returns the calls of an undisturbed run. It leaves out the calls that the Go runtime
// makes before main.
func (f *faults) reference() []faultCall {
	f.t.Helper()
	defer f.setUp()()
	run := f.trace("%file,%desc", "--seccomp-bpf")
	if run.code != harness.ExitOK && len(f.fails) == 0 {
		f.t.Fatalf("undisturbed, the run exits with %d\n%s%s", run.code, run.stdout, run.stderr)
	}
	mark := slices.IndexFunc(run.calls, func(c faultCall) bool { return strings.Contains(c.about, harness.MainBegins) })
	if mark < 0 {
		f.t.Fatalf("strace shows no %s:\n%s", harness.MainBegins, run.stderr)
	}
	return slices.DeleteFunc(run.calls[mark+1:], func(c faultCall) bool {
		return c.name == f.alwaysFails() || isNoFileCall(c.name) || strings.Contains(c.about, "eventfd") // the Go runtime wakes itself by it
	})
}

// isNoFileCall reports whether a call uses no file, although strace lists it among the calls on
// files or descriptors.
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

// parseTrace parses the output of strace for a run whose paths are below dir.
func parseTrace(text, dir string) []faultCall {
	var calls []faultCall
	byThread, times, open := map[string]int{}, map[string]int{}, map[string]int{}
	before := map[string][2]string{} // the names of each thread's last two calls
	for line := range strings.Lines(text) {
		switch m := traceCall.FindStringSubmatch(line); {
		case m != nil && strings.Contains(m[3], "<detached ...>"): // the thread has just ended
		case m != nil:
			about := strings.Join(tracePart.FindAllString(traceNoise.ReplaceAllString(m[3], ""), -1), " ")
			about = traceRandom.ReplaceAllString(strings.ReplaceAll(about, dir, "~"), "#")
			about = traceProcess.ReplaceAllString(about, "</proc/self/")
			byThread[m[1]+m[2]]++
			times[m[2]+about]++
			after := before[m[1]]
			before[m[1]] = [2]string{after[1], m[2]}
			open[m[1]] = len(calls)
			calls = append(calls, faultCall{
				name: m[2], about: about, time: times[m[2]+about], n: byThread[m[1]+m[2]],
				after: strings.Join(after[:], " "), hit: isHit(line),
			})
		default:
			if m := traceResumed.FindStringSubmatch(line); m != nil && isHit(line) {
				calls[open[m[1]]].hit = true
			}
		}
	}
	return calls
}

// isHit reports whether strace reports an injected fault. A call that was killed has no result.
func isHit(line string) bool {
	return strings.HasSuffix(line, " = ?\n") || strings.HasSuffix(line, "(INJECTED)\n")
}
