package watch

import (
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

// lone is a slotgen watch on the machine itself. No s6-svscan reads its scandir.
type lone struct {
	t                        *testing.T
	home, service, templates string
	cmd                      *exec.Cmd
	stderr                   *harness.LockedBuffer
}

func newLone(t *testing.T, profiles int) *lone {
	t.Helper()
	l := &lone{t: t, home: t.TempDir(), service: t.TempDir(), templates: t.TempDir(), stderr: &harness.LockedBuffer{}}
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
	for file, text := range map[string]string{"gateway_state.json": harness.Running, "SOUL.md": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// start starts the watch, as an argument of the program behind if there is one. It returns when
// the watch has made all slots.
func (l *lone) start(behind []string, args ...string) {
	l.t.Helper()
	all := slices.Concat(behind, []string{
		harness.SlotgenBinary(l.t), "watch", "--home", l.home, "--scandir", l.service, "--templates", l.templates,
		"--user", fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid()), "--proc", l.t.TempDir(), "--max-services", "10000",
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
	l.waitOutput(" unchanged")
}

func (l *lone) waitOutput(text string) {
	l.t.Helper()
	l.waitFor(fmt.Sprintf("it to say %q", text), func() bool { return strings.Contains(l.stderr.String(), text) })
}

func (l *lone) waitFor(what string, condition func() bool) {
	l.t.Helper()
	if !testenv.Holds(condition) {
		l.t.Fatalf("waited in vain for %s; it said\n%s", what, l.stderr)
	}
}

// signal sends the watch a signal.
func (l *lone) signal(sig syscall.Signal) {
	l.t.Helper()
	if err := l.cmd.Process.Signal(sig); err != nil {
		l.t.Fatal(err)
	}
}

// lookAgain makes the watch look at everything and waits for the end of that pass.
func (l *lone) lookAgain() {
	l.t.Helper()
	before := summaries(l.stderr.String())
	l.signal(syscall.SIGHUP)
	l.waitFor("a pass over everything", func() bool { return summaries(l.stderr.String()) > before })
}

// remove removes a file or a directory.
func (l *lone) remove(path string) {
	l.t.Helper()
	if err := os.RemoveAll(path); err != nil {
		l.t.Fatal(err)
	}
}

// checkIdle checks that the watch only looks at everything, once a second. One look costs less
// processor time than half a pass.
func (l *lone) checkIdle(while time.Duration) {
	l.t.Helper()
	pid := l.cmd.Process.Pid
	pass := passCost(l.t, pid, l.lookAgain)
	const tries = 3
	for range tries {
		before, start := cpuOf(l.t, pid), time.Now()
		time.Sleep(while) // nothing changes meanwhile
		used, took := cpuOf(l.t, pid)-before, time.Since(start)
		intervals := 1 + took/time.Second
		l.t.Logf("%s of processor time in %s; a pass costs %s", used, took, pass)
		if used <= cpuTick+intervals*pass/2 {
			return
		}
	}
	l.t.Errorf("it uses more of the processor than half a pass every second, at each of %d tries", tries)
}

func (l *lone) hasSlot(name string) bool {
	_, err := os.Lstat(filepath.Join(l.service, "gateway-"+name))
	return err == nil
}

// memory returns the resident memory of the watch, in KiB.
func (l *lone) memory() int {
	l.t.Helper()
	for line := range strings.Lines(harness.ReadText(l.t, fmt.Sprintf("/proc/%d/status", l.cmd.Process.Pid))) {
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
