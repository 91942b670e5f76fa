package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/testenv"
)

// The tests of what a watch costs are short; these variables make them long.
const (
	idleVar    = "SLOTGEN_WATCH_IDLE"    // how long it is watched doing nothing: a duration
	changesVar = "SLOTGEN_WATCH_CHANGES" // how many changes it sees
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

// lone is a slotgen watch over a volume and a scandir that no s6-svscan reads.
type lone struct {
	t                        *testing.T
	home, service, templates string
	cmd                      *exec.Cmd
	stderr                   *lockedBuffer
}

// lockedBuffer may be read while it is written to.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newLone(t *testing.T, profiles int) *lone {
	t.Helper()
	l := &lone{t: t, home: t.TempDir(), service: t.TempDir(), templates: t.TempDir(), stderr: &lockedBuffer{}}
	for i := range profiles {
		l.profile(fmt.Sprintf("p%04d", i))
	}
	return l
}

func (l *lone) profile(name string) {
	l.t.Helper()
	dir := filepath.Join(l.home, "profiles", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	for file, text := range map[string]string{"gateway_state.json": running, "SOUL.md": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// start starts the watch, behind another program where one is given, and returns
// when it has made all slots.
func (l *lone) start(behind []string, args ...string) {
	l.t.Helper()
	all := slices.Concat(behind, []string{
		slotgenBinary(l.t), "watch", "--home", l.home, "--scandir", l.service, "--templates", l.templates,
		"--user", "10000:10000", "--proc", l.t.TempDir(), "--max-services", "10000",
	}, args)
	l.cmd = exec.Command(all[0], all[1:]...)
	l.cmd.Stderr = l.stderr
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = syscall.Kill(-l.cmd.Process.Pid, syscall.SIGKILL)
		_ = l.cmd.Wait()
	})
	l.waitSaid(" unchanged")
}

func (l *lone) waitSaid(text string) {
	l.t.Helper()
	l.waitFor(fmt.Sprintf("it to say %q", text), func() bool { return strings.Contains(l.stderr.String(), text) })
}

func (l *lone) waitFor(what string, condition func() bool) {
	l.t.Helper()
	if !testenv.Holds(condition) {
		l.t.Fatalf("waited in vain for %s; it said\n%s", what, l.stderr)
	}
}

func (l *lone) hasSlot(name string) bool {
	_, err := os.Lstat(filepath.Join(l.service, "gateway-"+name))
	return err == nil
}

// memory returns what the watch occupies, in KiB.
func (l *lone) memory() int {
	l.t.Helper()
	for line := range strings.Lines(readText(l.t, fmt.Sprintf("/proc/%d/status", l.cmd.Process.Pid))) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				l.t.Fatal(err)
			}
			return n
		}
	}
	l.t.Fatal("no VmRSS")
	return 0
}

func (l *lone) descriptors() int {
	l.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.cmd.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	return len(entries)
}

func (l *lone) cpu() time.Duration {
	l.t.Helper()
	return cpuOf(l.t, l.cmd.Process.Pid)
}

// mostMemory is the promise of README, in KiB.
const mostMemory = 20 << 10

func TestWatchCostsNothingWhileNothingChanges(t *testing.T) {
	l := newLone(t, 1000)
	l.start(nil, "--interval", "1s")
	time.Sleep(time.Second)
	before, said := l.cpu(), l.stderr.String()
	memory := 0
	for end := time.Now().Add(idleTime(t)); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		memory = max(memory, l.memory())
	}
	used := l.cpu() - before
	t.Logf("%d KiB, %s of processor time in %s, with a look at 1000 profiles every second", memory, used, idleTime(t))
	if memory > mostMemory {
		t.Errorf("%d KiB of memory, more than %d", memory, mostMemory)
	}
	if used > idleTime(t)/10 {
		t.Errorf("%s of processor time in %s", used, idleTime(t))
	}
	if now := l.stderr.String(); now != said {
		t.Errorf("it said\n%s", strings.TrimPrefix(now, said))
	}
}

func TestWatchLeaksNothing(t *testing.T) {
	l := newLone(t, 20)
	l.start(nil, "--prune", "--interval", "1s")
	const batch = 50
	serve := func(n int) {
		t.Helper()
		for i := range batch {
			name := fmt.Sprintf("new%d-%d", n, i)
			l.profile("." + name)
			if err := os.Rename(filepath.Join(l.home, "profiles/."+name), filepath.Join(l.home, "profiles/"+name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(l.templates+"/timeout-kill.tmpl", fmt.Append(nil, n+1), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(l.home, fmt.Sprint("profiles/waits", n)), 0o755); err != nil {
			t.Fatal(err)
		}
		l.waitFor("the slots of a batch", func() bool { return l.hasSlot(fmt.Sprintf("new%d-%d", n, batch-1)) })
		for i := range batch {
			if err := os.RemoveAll(filepath.Join(l.home, fmt.Sprintf("profiles/new%d-%d", n, i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(l.home, fmt.Sprint("profiles/waits", n))); err != nil {
			t.Fatal(err)
		}
		l.waitFor("the slots of a batch to go", func() bool { return !l.hasSlot(fmt.Sprintf("new%d-0", n)) })
	}
	settled := func() (memory, descriptors int) {
		time.Sleep(2 * time.Second)
		return l.memory(), l.descriptors()
	}
	serve(0)
	serve(1)
	memory, descriptors := settled()
	changes := changeCount(t)
	for n := range changes / (2 * batch) {
		serve(n + 2)
	}
	memoryNow, descriptorsNow := settled()
	t.Logf("after %d changes: %d KiB, before %d; %d descriptors, before %d", changes, memoryNow, memory, descriptorsNow, descriptors)
	const slack = 1024 // the heap is not the same at every moment
	if memoryNow > min(mostMemory, memory+slack) || descriptorsNow > descriptors {
		t.Error("it leaks")
	}
}

func TestWatchDoesWithoutInotify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ what, fault, said, hint string }{
		{"it is missing", "inotify_init1:error=ENOSYS", "function not implemented", ""},
		{"all instances are taken", "inotify_init1:error=EMFILE", "too many open files", "fs.inotify.max_user_instances"},
		{"all watches are taken", "inotify_add_watch:error=ENOSPC:when=3+", "no space left on device", "fs.inotify.max_user_watches"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			testenv.NeedProgram(t, "strace")
			l := newLone(t, 2)
			l.start([]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=" + tt.fault}, "--interval", "1h")
			l.waitSaid(tt.said + ": looking at everything every 5s")
			if tt.hint != "" {
				l.waitSaid("slotgen: hint: the limit is the kernel's " + tt.hint)
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
			l.waitSaid(`updated slot "gateway-new": timeout-kill (missing)`)
			if n := strings.Count(l.stderr.String(), "by inotify: "); n != 1 {
				t.Errorf("it was said %d times:\n%s", n, l.stderr)
			}
		})
	}
}

func TestWatchLosesNothingWithTheEventsThatOverflow(t *testing.T) {
	l := newLone(t, 2)
	l.start(nil, "--interval", "1h")
	pid := l.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i := range 12_000 {
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
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	l.waitSaid("queue or buffer overflow: looking at everything every 5s")
	l.waitFor("a slot", func() bool { return l.hasSlot("new") })
	l.waitFor("a template in force", func() bool {
		_, err := os.Lstat(l.service + "/gateway-new/timeout-kill")
		return err == nil
	})
	l.profile("newer")
	l.waitFor("another slot", func() bool { return l.hasSlot("newer") })
}

func TestWatchSlowLookIsOneStatForEachProfile(t *testing.T) {
	testenv.NeedProgram(t, "strace")
	const profiles = 50
	l := newLone(t, profiles)
	l.start(nil, "--interval", "1s")
	time.Sleep(1500 * time.Millisecond)
	trace := filepath.Join(t.TempDir(), "trace")
	strace := exec.Command("timeout", "--signal=INT", "5", "strace", "-f", "-qq", "-e", "trace=%file",
		"-o", trace, "-p", strconv.Itoa(l.cmd.Process.Pid))
	_ = strace.Run() // it is ended by timeout
	text := readText(t, trace)
	looks := strings.Count(text, `"p0000"`)
	if looks < 2 {
		t.Fatalf("%d looks were seen:\n%s", looks, text)
	}
	calls := 0
	for line := range strings.Lines(text) {
		if strings.Contains(line, "p00") {
			calls++
			if !strings.Contains(line, "newfstatat(") && !strings.Contains(line, "fstatat64(") {
				t.Errorf("not a stat: %s", line)
			}
		}
	}
	if calls > looks*profiles+profiles { // a look may have been cut off
		t.Errorf("%d calls in %d looks at %d profiles", calls, looks, profiles)
	}
}
