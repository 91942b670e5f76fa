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

// confirmAfter is how long a watch lets an orphan be missing before it acts on it.
const confirmAfter = 2 * time.Second

// watcher is a slotgen watch that runs inside a container.
type watcher struct{ *harness.ContainerProcess }

// watch starts a watcher and returns when it has reported that it is ready.
func startWatch(c *harness.Container, args ...string) watcher {
	c.T.Helper()
	return watchBehind(c, "", args...)
}

// watchBehind starts a watcher behind another program, given as shell text.
func watchBehind(c *harness.Container, program string, args ...string) watcher {
	c.T.Helper()
	ready := fmt.Sprintf("/tmp/ready-%d", time.Now().UnixNano())
	script := "exec " + program + " slotgen watch --notification-fd 3 \"$@\" 3>" + ready
	w := watcher{c.Spawn("root", append([]string{"sh", "-c", script, "watch"}, args...)...)}
	c.T.Cleanup(func() {
		if c.T.Failed() {
			c.T.Logf("the watcher said\n%s", w.said())
		}
	})
	c.WaitFor("the watcher to be ready", func() bool {
		text, _ := os.ReadFile(c.Path(ready))
		return string(text) == "\n"
	})
	return w
}

// pid returns the watcher's number on the machine.
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

func (w watcher) said() string {
	w.C.T.Helper()
	return harness.ReadText(w.C.T, w.Stderr)
}

func (w watcher) waitSaid(text string) {
	w.C.T.Helper()
	w.C.WaitFor(fmt.Sprintf("the watcher to say %q", text), func() bool { return strings.Contains(w.said(), text) })
}

// mark makes an entry of profiles/ that the watcher refuses, and takes it away when it
// has said so. By then it has dealt with all events from before.
func (w watcher) mark() {
	w.C.T.Helper()
	name := fmt.Sprintf("Mark%d", strings.Count(w.said(), `skipping profile "Mark`))
	staged := mkdirIn(w.C, "profiles/.mark")
	w.C.Write(staged+"/SOUL.md", "")
	if err := os.Rename(staged, filepath.Join(w.C.Home, "profiles", name)); err != nil {
		w.C.T.Fatal(err)
	}
	w.waitSaid(fmt.Sprintf("skipping profile %q", name))
	w.C.Forget(name)
}

// summaryLine is what a watch says of a pass that it was asked for.
var summaryLine = regexp.MustCompile(`(?m)^slotgen: \d+ profiles?: \d+ created, .*\n`)

func summaries(said string) int { return len(summaryLine.FindAllString(said, -1)) }

// lookAgain has the watcher look at everything, and returns when it has.
func (w watcher) lookAgain() {
	w.C.T.Helper()
	before := summaries(w.said())
	w.Signal(syscall.SIGHUP)
	w.C.WaitFor("a pass over everything", func() bool { return summaries(w.said()) > before })
}

var markLine = regexp.MustCompile(`(?m)^slotgen: warning: skipping profile "Mark\d+": .*\n`)

// heard returns what the watcher has said when it has dealt with all events from before
// and looked at everything, without what it says of that.
func (w watcher) heard() string {
	w.C.T.Helper()
	w.mark()
	w.lookAgain()
	return summaryLine.ReplaceAllString(markLine.ReplaceAllString(w.said(), ""), "")
}

// quiet holds that the watcher says nothing of what is done, nor of what is there, when
// it looks at it once more.
func (w watcher) quiet(what string, done ...func()) {
	w.C.T.Helper()
	before := w.heard()
	for _, do := range done {
		do()
	}
	if after := w.heard(); after != before {
		w.C.T.Errorf("%s: the watcher said\n%s", what, strings.TrimPrefix(after, before))
	}
}

// stop stops the watcher until resume. nsenter, which started it, stops with it.
func (w watcher) stop() {
	w.C.T.Helper()
	w.Signal(syscall.SIGSTOP)
	w.C.WaitFor("the watcher to stop", func() bool {
		return strings.Contains(harness.ReadText(w.C.T, fmt.Sprintf("/proc/%d/status", w.Cmd.Process.Pid)), "State:\tT")
	})
}

// resume has nsenter go on, which has the watcher go on.
func (w watcher) resume() {
	w.C.T.Helper()
	if err := w.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		w.C.T.Fatal(err)
	}
}

// end ends the watcher by TERM.
func (w watcher) end() {
	w.C.T.Helper()
	w.Signal(syscall.SIGTERM)
	if got := w.Wait(); got.Code != 0 || got.Stdout != "" {
		w.C.T.Errorf("the watcher ended with %d\nstdout: %s\nstderr: %s", got.Code, got.Stdout, got.Stderr)
	}
}

// cpuTick is the unit that the kernel counts a process's time in.
const cpuTick = 10 * time.Millisecond

// cpuOf returns what a process has used of the processor since it started.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat := harness.ReadText(t, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	ticks := 0
	for _, field := range fields[11:13] { // user's and system's
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * cpuTick
}

// passCost returns what one pass over everything costs a process of the processor.
func passCost(t *testing.T, pid int, pass func()) time.Duration {
	t.Helper()
	const passes = 10
	before := cpuOf(t, pid)
	for range passes {
		pass()
	}
	return (cpuOf(t, pid) - before) / passes
}
