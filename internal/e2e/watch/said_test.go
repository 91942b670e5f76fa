package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
)

// confirmAfter is how long an orphan's profile must be missing before a watch prunes its slot, with
// --prune-after 2s, or names it.
const confirmAfter = 2 * time.Second

// watcher is a slotgen watch that runs inside a container.
type watcher struct{ *harness.ContainerProcess }

// startWatch starts a watcher and waits until it has reported that it is ready.
func startWatch(c *harness.Container, args ...string) watcher {
	c.T.Helper()
	return watchBehind(c, "", args...)
}

// watchBehind starts a watcher as an argument of another program, given as shell text.
func watchBehind(c *harness.Container, program string, args ...string) watcher {
	c.T.Helper()
	ready := fmt.Sprintf("/tmp/ready-%d", time.Now().UnixNano())
	script := "exec " + program + " slotgen watch --notification-fd 3 \"$@\" 3>" + ready
	w := watcher{c.Spawn("root", append([]string{"sh", "-c", script, "watch"}, args...)...)}
	c.T.Cleanup(func() {
		if c.T.Failed() {
			c.T.Logf("the watcher said\n%s", w.output())
		}
	})
	c.WaitFor("the watcher to be ready", func() bool {
		text, _ := os.ReadFile(c.Path(ready))
		return string(text) == "\n"
	})
	return w
}

// pid returns the watcher's PID on the machine.
func (w watcher) pid() int {
	w.C.T.Helper()
	nsenter := w.Cmd.Process.Pid
	text := harness.ReadText(w.C.T, fmt.Sprintf("/proc/%d/task/%d/children", nsenter, nsenter))
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		w.C.T.Fatal(err)
	}
	return pid
}

func (w watcher) output() string {
	w.C.T.Helper()
	return harness.ReadText(w.C.T, w.Stderr)
}

func (w watcher) waitOutput(text string) {
	w.C.T.Helper()
	w.C.WaitFor(fmt.Sprintf("the watcher to say %q", text), func() bool { return strings.Contains(w.output(), text) })
}

// mark makes an entry in profiles/ that the watcher refuses, and removes it after the watcher has
// reported it. By then the watcher has handled all earlier events.
func (w watcher) mark() {
	w.C.T.Helper()
	name := fmt.Sprintf("Mark%d", strings.Count(w.output(), `skipping profile "Mark`))
	staged := mkdirIn(w.C, "profiles/.mark")
	w.C.Write(staged+"/SOUL.md", "")
	if err := os.Rename(staged, filepath.Join(w.C.Home, "profiles", name)); err != nil {
		w.C.T.Fatal(err)
	}
	w.waitOutput(fmt.Sprintf("skipping profile %q", name))
	w.C.Forget(name)
}

// summaryLine matches the line that a watch prints after a requested pass.
var summaryLine = regexp.MustCompile(`(?m)^slotgen: \d+ profiles?: \d+ created, .*\n`)

func summaries(output string) int { return len(summaryLine.FindAllString(output, -1)) }

// lookAgain makes the watcher look at everything and waits for the end of that pass.
func (w watcher) lookAgain() {
	w.C.T.Helper()
	before := summaries(w.output())
	w.Signal(syscall.SIGHUP)
	w.C.WaitFor("a pass over everything", func() bool { return summaries(w.output()) > before })
}

var markLine = regexp.MustCompile(`(?m)^slotgen: warning: skipping profile "Mark\d+": .*\n`)

// settledOutput makes the watcher handle all earlier events and look at everything. It returns the
// watcher's output without the lines about that.
func (w watcher) settledOutput() string {
	w.C.T.Helper()
	w.mark()
	w.lookAgain()
	return summaryLine.ReplaceAllString(markLine.ReplaceAllString(w.output(), ""), "")
}

// checkQuiet checks that the watcher prints nothing about the changes in done, nor about the
// existing files when it looks at everything once more.
func (w watcher) checkQuiet(what string, done ...func()) {
	w.C.T.Helper()
	before := w.settledOutput()
	for _, do := range done {
		do()
	}
	if after := w.settledOutput(); after != before {
		w.C.T.Errorf("%s: the watcher said\n%s", what, strings.TrimPrefix(after, before))
	}
}

// stop stops the watcher until resume. nsenter, its parent, stops with it.
func (w watcher) stop() {
	w.C.T.Helper()
	w.Signal(syscall.SIGSTOP)
	w.C.WaitFor("the watcher to stop", func() bool {
		return strings.Contains(harness.ReadText(w.C.T, fmt.Sprintf("/proc/%d/status", w.Cmd.Process.Pid)), "State:\tT")
	})
}

// resume continues nsenter, which continues the watcher.
func (w watcher) resume() {
	w.C.T.Helper()
	if err := w.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		w.C.T.Fatal(err)
	}
}

// end ends the watcher with TERM and checks that it exits with 0.
func (w watcher) end() {
	w.C.T.Helper()
	w.Signal(syscall.SIGTERM)
	if got := w.Wait(); got.Code != 0 || got.Stdout != "" {
		w.C.T.Errorf("the watcher ended with %d\nstdout: %s\nstderr: %s", got.Code, got.Stdout, got.Stderr)
	}
}

// cpuTick is the unit in which the kernel counts processor time.
const cpuTick = 10 * time.Millisecond

// cpuOf returns the processor time that a process has used since it started.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat := harness.ReadText(t, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	ticks := 0
	for _, field := range fields[11:13] { // user time and system time
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * cpuTick
}

// passCost returns the processor time that one pass over everything costs a process.
func passCost(t *testing.T, pid int, pass func()) time.Duration {
	t.Helper()
	const passes = 10
	before := cpuOf(t, pid)
	for range passes {
		pass()
	}
	return (cpuOf(t, pid) - before) / passes
}
