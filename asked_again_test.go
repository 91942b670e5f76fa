package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slotgen/internal/testenv"
)

// delayed starts a pass whose system calls of a name wait for two seconds before they
// are made: the first one of each thread, or with "1+" every one.
func (f *faults) delayed(call, when string, args ...string) (cmd *exec.Cmd, out *lockedBuffer) {
	f.t.Helper()
	testenv.NeedTime(f.t, "delays system calls by seconds")
	testenv.NeedProgram(f.t, "strace")
	cmd = exec.Command("strace", append([]string{
		"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + call + ":delay_enter=2000000:when=" + when,
	}, f.command(slotgenBinary(f.t), args)...)...)
	out = &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, out
}

// waitForPath waits until a pass has made something.
func (f *faults) waitForPath(path string, out *lockedBuffer) {
	f.t.Helper()
	if !testenv.Holds(func() bool { return exists(filepath.Join(f.root, path)) }) {
		f.t.Fatalf("there is no %s:\n%s", path, out)
	}
}

// meanwhile makes a pass in a container from before s6, which has a slot of the
// profile gone that is not on the volume. Once the pass has listed the volume, and is
// about to record a state, it has what happens then. It returns what the pass printed.
func meanwhile(t *testing.T, happens func(f *faults), args ...string) (f *faults, out string) {
	t.Helper()
	f = &faults{t: t, root: t.TempDir()}
	f.write("proc/1/cmdline", "/init\x00/opt/hermes/docker/main-wrapper.sh\x00hermes\x00gateway\x00run\x00")
	f.write("proc/1/status", rootsStatus)
	f.firstTemplates()
	f.write("home/profiles/coder/SOUL.md", "")
	f.write("service/gateway-gone/run", "#!/bin/sh\n")
	cmd, text := f.delayed("renameat2", "1", append(reconcileArgs(), args...)...)
	f.waitForPath("home/.gateway_state.json.new", text)
	happens(f)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return f, text.String()
}

func TestStateThatIsRecordedMeanwhileDecidesOverTheGateway(t *testing.T) {
	t.Parallel()
	f, out := meanwhile(t, func(f *faults) { f.write("home/gateway_state.json", `{"desired_state": "stopped"}`) })
	if !strings.Contains(out, "profile=default prior_state=stopped action=registered\n") {
		t.Errorf("it does not count:\n%s", out)
	}
	if got := readText(t, filepath.Join(f.root, "home/gateway_state.json")); got != `{"desired_state": "stopped"}` {
		t.Errorf("it was replaced by %q", got)
	}
	if _, err := os.Lstat(filepath.Join(f.root, "service/gateway-default/down")); err != nil {
		t.Errorf("the gateway starts: %v", err)
	}
}

func TestSlotOfAProfileThatIsMadeMeanwhileIsNotPruned(t *testing.T) {
	t.Parallel()
	f, out := meanwhile(t, func(f *faults) { f.write("home/profiles/gone/SOUL.md", "") }, "--prune")
	if _, err := os.Lstat(filepath.Join(f.root, "service/gateway-gone/run")); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// Another pass, with a scandir of its own, rotates the log between the look at its
// length and the lock.
func TestLogThatIsRotatedMeanwhileKeepsWhatItHeld(t *testing.T) {
	t.Parallel()
	f := &faults{t: t, root: t.TempDir()}
	f.firstTemplates()
	f.write("home/profiles/coder/SOUL.md", "")
	old := strings.Repeat("x", 256<<10) + "\n"
	f.write("home/logs/container-boot.log", old)
	cmd, text := f.delayed("flock", "1+", reconcileArgs()...)
	f.waitForPath("service/gateway-default", text)
	time.Sleep(500 * time.Millisecond)
	f.plain(append(reconcileArgs(), "--scandir", "~/other")...)
	if got := readText(t, filepath.Join(f.root, "home/logs/container-boot.log.1")); got != old {
		t.Fatalf("the other pass has not rotated the log")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	if got := readText(t, filepath.Join(f.root, "home/logs/container-boot.log.1")); got != old {
		t.Errorf("what the log held is lost: there are %d bytes", len(got))
	}
	if got := readText(t, filepath.Join(f.root, "home/logs/container-boot.log")); strings.Count(got, " profile=coder ") != 2 {
		t.Errorf("the log holds %q", got)
	}
}
