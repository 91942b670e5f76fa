package watch

import (
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

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// Two variables make the tests of a watch's cost run longer.
const (
	idleVar    = "SLOTGEN_WATCH_IDLE"    // how long the test observes an idle watch, as a duration
	changesVar = "SLOTGEN_WATCH_CHANGES" // how many changes the test makes
)

func idleTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(idleVar)
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", idleVar, err)
	}
	return d
}

func changeCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv(changesVar)
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", changesVar, err)
	}
	return n
}

// mostMemory is the limit that docs/operating.md promises, in KiB.
const mostMemory = 20 << 10

func TestWatchCostsNothingWhileNothingChanges(t *testing.T) {
	testenv.NeedTime(t, "leaves a watch alone for seconds")
	l := newLone(t, 200)
	l.start(nil, "--interval", "1s")
	output := l.stderr.String()
	l.checkIdle(idleTime(t))
	l.waitFor("the memory of a pass to be given back", func() bool { return l.memory() <= mostMemory })
	memory := 0
	for range 10 {
		memory = max(memory, l.memory())
		time.Sleep(200 * time.Millisecond) // in total, the samples span two looks
	}
	t.Logf("%d KiB, with a look at 200 profiles every second", memory)
	if memory > mostMemory {
		t.Errorf("%d KiB of memory, more than %d", memory, mostMemory)
	}
	if now := summaryLine.ReplaceAllString(strings.TrimPrefix(l.stderr.String(), output), ""); now != "" {
		t.Errorf("it said\n%s", now)
	}
}

func TestWatchLeaksNothing(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "makes and prunes hundreds of slots")
	l := newLone(t, 20)
	l.start(nil, "--prune-after", "2s", "--interval", "1s")
	const batch = 50
	l.serveBatch(0, batch)
	l.serveBatch(1, batch)
	l.lookAgain()
	memory, descriptors := l.memory(), l.descriptors()
	changes := changeCount(t)
	for n := range changes / (2 * batch) {
		l.serveBatch(n+2, batch)
	}
	l.lookAgain()
	const slack = 1024 // the size of the heap varies
	most := min(mostMemory, memory+slack)
	l.waitFor(fmt.Sprintf("at most %d KiB and %d descriptors", most, descriptors), func() bool {
		return l.memory() <= most && l.descriptors() <= descriptors
	})
	t.Logf("after %d changes: %d KiB, before %d; %d descriptors, before %d", changes, l.memory(), memory, l.descriptors(), descriptors)
}

// serveBatch makes profiles, a template and a directory without SOUL.md. When all slots exist, it
// removes the profiles and the directory, and waits until the slots are pruned.
func (l *lone) serveBatch(n, batch int) {
	l.t.Helper()
	profiles := filepath.Join(l.home, "profiles")
	waits := filepath.Join(profiles, fmt.Sprint("waits", n))
	names := make([]string, batch)
	for i := range names {
		names[i] = fmt.Sprintf("new%d-%d", n, i)
		l.profile("." + names[i])
		if err := os.Rename(filepath.Join(profiles, "."+names[i]), filepath.Join(profiles, names[i])); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := errors.Join(os.WriteFile(l.templates+"/timeout-kill.tmpl", fmt.Append(nil, n+1), 0o644), os.Mkdir(waits, 0o755)); err != nil {
		l.t.Fatal(err)
	}
	has := func(name string) bool { return l.hasSlot(name) }
	l.waitFor("the slots of a batch", func() bool { return !slices.ContainsFunc(names, func(name string) bool { return !has(name) }) })
	for _, name := range names {
		l.remove(filepath.Join(profiles, name))
	}
	l.remove(waits)
	l.waitFor("the slots of a batch to go", func() bool { return !slices.ContainsFunc(names, has) })
}

func TestWatchDoesWithoutInotify(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "waits for looks that come every five seconds")
	for _, tt := range []struct{ what, fault, output, hint, interval, every string }{
		{"it is missing", "inotify_init1:error=ENOSYS", "function not implemented", "", "1h", "5s"},
		{"all instances are taken", "inotify_init1:error=EMFILE", "too many open files", "fs.inotify.max_user_instances", "1s", "1s"},
		{"all watches are taken", "inotify_add_watch:error=ENOSPC", "no space left on device", "fs.inotify.max_user_watches", "1s", "1s"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			testenv.NeedProgram(t, "strace")
			l := newLone(t, 2)
			l.start([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + tt.fault}, "--interval", tt.interval)
			l.waitOutput(tt.output + ": looking at everything every " + tt.every)
			if tt.hint != "" {
				l.waitOutput("slotgen: hint: the limit is the kernel's " + tt.hint)
			}
			if err := os.Mkdir(l.home+"/profiles/waits", 0o755); err != nil {
				t.Fatal(err)
			}
			l.profile("new")
			l.waitFor("a slot", func() bool { return l.hasSlot("new") })
			l.profile("waits")
			l.waitFor("another slot", func() bool { return l.hasSlot("waits") })
			if err := os.WriteFile(l.templates+"/timeout-kill.tmpl", []byte("5"), 0o644); err != nil {
				t.Fatal(err)
			}
			l.waitOutput(`updated slot "gateway-new": timeout-kill (added)`)
			if n := strings.Count(l.stderr.String(), "by inotify: "); n != 1 {
				t.Errorf("it was said %d times:\n%s", n, l.stderr)
			}
		})
	}
}

func TestWatchLosesNothingWithTheEventsThatOverflow(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "makes more events than the kernel keeps")
	queued, err := strconv.Atoi(strings.TrimSpace(harness.ReadText(t, "/proc/sys/fs/inotify/max_queued_events")))
	if err != nil {
		t.Fatal(err)
	}
	l := newLone(t, 2)
	l.start(nil, "--interval", "1h")
	l.signal(syscall.SIGSTOP)
	for i := range queued/2 + 1000 { // each round makes two events
		name := fmt.Sprintf("%s/profiles/x%d", l.home, i)
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	l.profile("new")
	if err := os.WriteFile(l.templates+"/timeout-kill.tmpl", []byte("5"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.signal(syscall.SIGCONT)
	l.waitOutput("queue or buffer overflow: looking at everything every 5s")
	l.waitFor("a slot", func() bool { return l.hasSlot("new") })
	l.waitFor("a template in force", func() bool {
		_, err := os.Lstat(l.service + "/gateway-new/timeout-kill")
		return err == nil
	})
	l.profile("newer")
	l.waitFor("another slot", func() bool { return l.hasSlot("newer") })
}

func TestWatchSlowLookIsOneStatForEachProfile(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "waits for looks that come every second")
	strace := testenv.NeedProgram(t, "strace")
	const profiles = 50
	l := newLone(t, profiles)
	l.start(nil, "--interval", "1s")
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-e", "trace=%file", "-o", trace, "-p", strconv.Itoa(l.cmd.Process.Pid))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var looks []string // each one begins after its first profile
	l.waitFor("two looks and the begin of a third one", func() bool {
		text, _ := os.ReadFile(trace)
		looks = strings.Split(string(text), `"p0000"`)[1:]
		return len(looks) > 2
	})
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
		t.Log(err) // the signal ends strace
	}
	for _, look := range looks[:2] {
		calls := 1
		for line := range strings.Lines(look) {
			if !strings.Contains(line, `"p00`) {
				continue
			}
			calls++
			if !strings.Contains(line, "newfstatat(") && !strings.Contains(line, "fstatat64(") {
				t.Errorf("not a stat: %s", line)
			}
		}
		if calls != profiles {
			t.Errorf("%d calls in a look at %d profiles:\n%s", calls, profiles, look)
		}
	}
}
