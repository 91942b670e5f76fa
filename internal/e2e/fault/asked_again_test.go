package fault

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// retryRace runs a race until it happens in the order that the test needs. race reports whether it
// did. Each time the pass is delayed twice as long.
func retryRace(t *testing.T, race func(delay time.Duration) bool) {
	t.Helper()
	testenv.NeedTime(t, "delays system calls")
	testenv.NeedProgram(t, "strace")
	delay := 250 * time.Millisecond
	for !race(delay) {
		if delay *= 2; delay > testenv.HangLimit {
			t.Fatal("things never happen in the order that the test needs")
		}
	}
}

// delayedPass is a pass with delayed system calls.
type delayedPass struct {
	*faults
	out   harness.LockedBuffer
	ended atomic.Bool
	err   chan error
}

// startDelayed starts a pass and delays its system calls with a name. With when "1" it delays the
// first one of each thread, with "1+" every one.
func (f *faults) startDelayed(delay time.Duration, call, when string, args ...string) *delayedPass {
	f.t.Helper()
	inject := fmt.Sprintf("inject=%s:delay_enter=%d:when=%s", call, delay.Microseconds(), when)
	cmd := exec.Command("strace", append([]string{
		"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", inject,
	}, f.command(harness.SlotgenBinary(f.t), args)...)...)
	pass := &delayedPass{faults: f, err: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = &pass.out, &pass.out
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() {
		err := cmd.Wait()
		pass.ended.Store(true)
		pass.err <- err
	}()
	f.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return pass
}

// waitFor waits until done reports true or the pass has ended.
func (pass *delayedPass) waitFor(what string, done func() bool) {
	pass.t.Helper()
	testenv.WaitFor(pass.t, what, func() bool { return done() || pass.ended.Load() })
}

// end waits until the pass ends and returns its output.
func (pass *delayedPass) end() string {
	pass.t.Helper()
	if err := <-pass.err; err != nil {
		pass.t.Errorf("%v\n%s", err, &pass.out)
	}
	return pass.out.String()
}

// duringPass makes a pass in a container from before s6. The scandir has a slot of the profile
// gone, which is not on the volume. The pass lists the volume and stages a state file; then
// duringPass calls happens. It returns the output of the pass.
func duringPass(t *testing.T, happens func(f *faults), args ...string) (f *faults, out string) {
	t.Helper()
	retryRace(t, func(delay time.Duration) bool {
		f = &faults{t: t, root: memoryDir(t)}
		f.write("proc/1/cmdline", "/init\x00/opt/hermes/docker/main-wrapper.sh\x00hermes\x00gateway\x00run\x00")
		f.write("proc/1/status", harness.RootsStatus)
		f.firstTemplates()
		f.write("home/profiles/coder/SOUL.md", "")
		f.write("service/gateway-gone/run", "#!/bin/sh\n")
		isStaged := func() bool { return harness.Exists(filepath.Join(f.root, "home/.gateway_state.json.new")) }
		pass := f.startDelayed(delay, "renameat2", "1", append(reconcileArgs(), args...)...)
		pass.waitFor("a state to record", isStaged)
		happens(f)
		stillStaged := isStaged()
		out = pass.end()
		return stillStaged
	})
	return f, out
}

func TestStateThatIsRecordedMeanwhileDecidesOverTheGateway(t *testing.T) {
	t.Parallel()
	f, out := duringPass(t, func(f *faults) { f.write("home/gateway_state.json", `{"desired_state": "stopped"}`) })
	if !strings.Contains(out, "profile=default prior_state=stopped action=registered\n") {
		t.Errorf("it does not count:\n%s", out)
	}
	if got := harness.ReadText(t, filepath.Join(f.root, "home/gateway_state.json")); got != `{"desired_state": "stopped"}` {
		t.Errorf("it was replaced by %q", got)
	}
	if _, err := os.Lstat(filepath.Join(f.root, "service/gateway-default/down")); err != nil {
		t.Errorf("the gateway starts: %v", err)
	}
}

func TestSlotOfAProfileThatIsMadeMeanwhileIsNotPruned(t *testing.T) {
	t.Parallel()
	f, out := duringPass(t, func(f *faults) { f.write("home/profiles/gone/SOUL.md", "") }, "--prune")
	if _, err := os.Lstat(filepath.Join(f.root, "service/gateway-gone/run")); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// Another pass, with its own scandir, rotates the log after the first pass has opened it and
// before the first pass has its lock.
func TestLogThatIsRotatedMeanwhileKeepsWhatItHeld(t *testing.T) {
	t.Parallel()
	old := strings.Repeat("x", 256<<10) + "\n"
	retryRace(t, func(delay time.Duration) bool {
		f := &faults{t: t, root: memoryDir(t)}
		f.firstTemplates()
		f.write("home/profiles/coder/SOUL.md", "")
		f.write("home/logs/container-boot.log", old)
		log := filepath.Join(f.root, "home/logs/container-boot.log")
		pass := f.startDelayed(delay, "flock", "1+", reconcileArgs()...)
		pass.waitFor("an open log", func() bool { return isOpen(log) })
		f.mustRun(append(reconcileArgs(), "--scandir", "~/other")...)
		if got := harness.ReadText(t, log+".1"); got != old {
			t.Fatalf("the other pass has not rotated the log")
		}
		stillOpen := isOpen(log + ".1")
		out := pass.end()
		if got := harness.ReadText(t, log+".1"); got != old {
			t.Errorf("what the log held is lost: there are %d bytes\n%s", len(got), out)
		}
		if got := harness.ReadText(t, log); strings.Count(got, " profile=coder ") != 2 {
			t.Errorf("the log holds %q", got)
		}
		return stillOpen
	})
}

// isOpen reports whether any process has the file open.
func isOpen(path string) bool {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is valid
	return slices.ContainsFunc(fds, func(fd string) bool {
		at, err := os.Readlink(fd)
		return err == nil && at == path
	})
}
