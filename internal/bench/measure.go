package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// work is a measured command. Unless nil, prepare runs before each run of the command.
type work struct {
	what    string
	argv    []string
	prepare func() error
	// memory is the target for the peak memory in MiB; 0 means no target.
	memory float64
}

// result is the result of several runs: the shortest time and the largest memory.
type result struct {
	took   time.Duration
	memory int64
}

func (r result) mib() float64 { return float64(r.memory) / (1 << 20) }

// inTurn runs two works in turn, so that other load on the machine affects both.
func inTurn(a, b work, runs int) (ra, rb result, err error) {
	for range runs {
		if err := ra.add(a); err != nil {
			return ra, rb, err
		}
		if err := rb.add(b); err != nil {
			return ra, rb, err
		}
	}
	return ra, rb, nil
}

func (r *result) add(w work) error {
	if w.prepare != nil {
		if err := w.prepare(); err != nil {
			return fmt.Errorf("preparing %q: %w", w.what, err)
		}
	}
	cmd := exec.Command(w.argv[0], w.argv[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return fmt.Errorf("running %q: %w", cmd.Args, err)
	}
	if r.took == 0 || took < r.took {
		r.took = took
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		// A new process starts with the peak memory of its parent, so this program has to
		// stay smaller than the measured one.
		r.memory = max(r.memory, usage.Maxrss<<10)
	}
	return nil
}
