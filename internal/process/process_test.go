package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"slotgen/internal/process"
	"slotgen/internal/testenv"
)

func TestAProcessTellsItsArgumentsAccountAndDirectory(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "gone")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sleep := exec.CommandContext(t.Context(), "sleep", "100000")
	sleep.Dir = dir
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	previous := 0
	for p, err := range process.All("/proc") {
		if err != nil || p.ID <= previous {
			t.Fatalf("process %d after %d, error %v", p.ID, previous, err)
		}
		previous = p.ID
		if p.ID != sleep.Process.Pid {
			continue
		}
		args, err1 := p.Args()
		for start := time.Now(); len(args) == 0 && time.Since(start) < testenv.HangLimit; { // the kernel sets them late
			args, err1 = p.Args()
		}
		uid, found, err2 := p.RealUID()
		got, err3 := p.Dir()
		if !slices.Equal(args, []string{"sleep", "100000"}) || uid != os.Getuid() || !found || got != dir+" (deleted)" {
			t.Errorf("%q of %d in %q, errors %v %v %v", args, uid, got, err1, err2, err3)
		}
		return
	}
	t.Error("the process is not listed")
}

// Processes end at any time, also between two reads.
func TestAProcessThatEndsHasNothing(t *testing.T) {
	t.Parallel()
	brief := exec.CommandContext(t.Context(), "sleep", "100000")
	if err := brief.Start(); err != nil {
		t.Fatal(err)
	}
	for p, err := range process.All("/proc") {
		if err != nil {
			t.Fatal(err)
		}
		if p.ID != brief.Process.Pid {
			continue
		}
		_ = brief.Process.Kill()
		_ = brief.Wait()
		args, err1 := p.Args()
		_, found, err2 := p.RealUID()
		dir, err3 := p.Dir()
		if len(args) > 0 || found || dir != "" || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("%q, %v, %q, errors %v %v %v", args, found, dir, err1, err2, err3)
		}
		return
	}
	t.Error("the process is not listed")
}
