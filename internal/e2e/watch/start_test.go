package watch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// hasOpen reports whether a process has a path open.
func hasOpen(pid int, path string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if target, _ := os.Readlink(fd); target == path {
			return true
		}
	}
	return false
}

// HUP arrives while the watch still reads the container's command line.
func TestWatchThatGetsHUPWhileItStartsLooksAtEverythingAgain(t *testing.T) {
	testenv.NeedTime(t, "delays a system call by seconds")
	testenv.NeedProgram(t, "strace")
	l, proc := newLone(t, 1), t.TempDir()
	init := filepath.Join(proc, "1")
	if err := os.Mkdir(init, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"cmdline": "/init\x00", "status": harness.RootsStatus} {
		if err := os.WriteFile(filepath.Join(init, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-P", init, "-e", "inject=openat:delay_enter=2000000",
		harness.SlotgenBinary(t), "watch", "--home", l.home, "--scandir", l.service, "--user", "0:0", "--proc", proc, "--interval", "1h")
	output := &harness.LockedBuffer{}
	cmd.Stderr = output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var pid int
	testenv.WaitFor(t, "the look at process 1", func() bool {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return pid != 0 && hasOpen(pid, init)
	})
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	testenv.WaitFor(t, "a second look at everything", func() bool {
		return len(ended) > 0 || strings.Contains(output.String(), "2 profiles: 0 created, 0 updated, 2 unchanged")
	})
	if len(ended) > 0 {
		t.Fatalf("it ended: %v\n%s", <-ended, output)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
