package boot

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// stalledPipe returns a full pipe: the next write blocks until somebody reads.
func stalledPipe(t *testing.T) (reads, writes *os.File, full int) {
	t.Helper()
	reads, writes, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reads.Close(); writes.Close() })
	if full, err = unix.FcntlInt(writes.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		t.Fatal(err)
	}
	if _, err := writes.Write(bytes.Repeat([]byte("."), full)); err != nil {
		t.Fatal(err)
	}
	return reads, writes, full
}

// stalled starts slotgen over a volume with the profiles coder and odd. slotgen warns of odd.
// Nobody reads its standard error.
func stalled(t *testing.T, args ...string) (cmd *exec.Cmd, home, service string, stderr io.Reader) {
	t.Helper()
	reads, writes, full := stalledPipe(t)
	cmd, home, service = startStalled(t, writes, []string{"odd"}, args...)
	return cmd, home, service, &skipping{reads, full}
}

// startStalled starts slotgen with the given standard error, over a volume with the profile coder
// and the odd profiles.
func startStalled(t *testing.T, stderr *os.File, odd []string, args ...string) (cmd *exec.Cmd, home, service string) {
	t.Helper()
	home, service = t.TempDir(), t.TempDir()
	for _, name := range append(odd, "coder") {
		dir := filepath.Join(home, "profiles", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		harness.CreateFile(t, filepath.Join(dir, "SOUL.md")).Close()
		if name == "coder" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "gateway_state.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd = exec.Command(harness.SlotgenBinary(t), append(args, "--home", home, "--scandir", service, "--user", "0:0", "--proc", t.TempDir())...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, home, service
}

// skipping is a reader that skips the first n bytes.
type skipping struct {
	io.Reader
	n int
}

func (s *skipping) Read(p []byte) (int, error) {
	if s.n > 0 {
		if _, err := io.CopyN(io.Discard, s.Reader, int64(s.n)); err != nil {
			return 0, err
		}
		s.n = 0
	}
	return s.Reader.Read(p)
}

// checkLockFree checks that another pass gets the lock while the first one is stalled. The first
// one must have made its last slot.
func checkLockFree(t *testing.T, home, service string) {
	t.Helper()
	testenv.WaitFor(t, "the lock to be given up", func() bool {
		lock, err := os.Open(filepath.Join(service, ".slotgen.lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
	})
	cmd := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "0:0", "--proc", t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("another pass: %v\n%s", err, out)
	}
}

func TestStalledStandardErrorKeepsNoOtherPassOut(t *testing.T) {
	t.Parallel()
	cmd, home, service, stderr := stalled(t, "reconcile")
	testenv.WaitFor(t, "the slots", func() bool { return harness.Exists(filepath.Join(service, "gateway-odd")) })
	checkLockFree(t, home, service)
	said, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `warning: reading "profiles/odd/gateway_state.json"`) ||
		!strings.Contains(lines[1], "3 profiles: 3 created") {
		t.Errorf("once it was read, stderr said %q", lines)
	}
}

func TestStalledStandardOutputKeepsNoOtherPassOut(t *testing.T) {
	t.Parallel()
	_, writes, _ := stalledPipe(t)
	home, service := t.TempDir(), t.TempDir()
	first := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "0:0", "--proc", t.TempDir())
	first.Stdout = writes
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Process.Kill(); _ = first.Wait() })
	testenv.WaitFor(t, "the slot", func() bool { return harness.Exists(filepath.Join(service, "gateway-default")) })
	checkLockFree(t, home, service)
}

// poll(2) reports that a terminal can be written to when one byte fits.
func TestStalledTerminalKeepsNoOtherPassOut(t *testing.T) {
	t.Parallel()
	master, slave := harness.OpenTerminal(t)
	defer master.Close()
	odd := make([]string, 400) // a terminal buffers about 20 KB
	for i := range odd {
		odd[i] = fmt.Sprintf("odd%d", i)
	}
	_, home, service := startStalled(t, slave, odd, "reconcile")
	testenv.WaitFor(t, "the slots", func() bool { return harness.Exists(filepath.Join(service, "gateway-odd399")) })
	checkLockFree(t, home, service)
}

func TestStalledStandardErrorHoldsUpNoWatch(t *testing.T) {
	t.Parallel()
	cmd, home, service, _ := stalled(t, "watch", "--prune-after", "2s")
	slot := filepath.Join(service, "gateway-coder")
	testenv.WaitFor(t, "the slot", func() bool { return harness.Exists(slot) })
	if err := os.RemoveAll(filepath.Join(home, "profiles/coder")); err != nil {
		t.Fatal(err)
	}
	testenv.WaitFor(t, "the slot to go", func() bool { return !harness.Exists(slot) })
	checkLockFree(t, home, service)
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("at its end: %v", err)
		}
	case <-time.After(testenv.HangLimit):
		t.Error("TERM did not end the watch")
	}
}
