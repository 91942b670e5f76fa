package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// meanwhile makes a pass in a container from before s6, which has a slot of the
// profile gone that is not on the volume. Once the pass has listed the volume, and is
// about to record a state, it has what happens then. It returns what the pass printed.
func meanwhile(t *testing.T, happens func(f *faults), args ...string) (f *faults, out string) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		skipUnlessCI(t, "strace is missing: run .ci/test")
	}
	f = &faults{t: t, root: t.TempDir()}
	f.write("proc/1/cmdline", "/init\x00/opt/hermes/docker/main-wrapper.sh\x00hermes\x00gateway\x00run\x00")
	f.write("proc/1/status", rootsStatus)
	f.firstTemplates()
	f.write("home/profiles/coder/SOUL.md", "")
	f.write("service/gateway-gone/run", "#!/bin/sh\n")
	cmd := exec.Command("strace", append(append([]string{
		"-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:delay_enter=2000000:when=1",
	}, f.command(slotgenBinary(t), reconcileArgs())...), args...)...)
	var text lockedBuffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	for deadline := time.Now().Add(runLimit); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(filepath.Join(f.root, "home/.gateway_state.json.new")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no state is recorded:\n%s", &text)
		}
	}
	happens(f)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &text)
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
