package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// faults is a small volume and two states of it; a pass over the second one
// replaces every slot.
type faults struct {
	t          *testing.T
	home, proc string // proc is empty: another test's processes are not to decide the role
	slots      []string
	old, wants map[string]string // digest of each slot by name
}

func newFaults(t *testing.T) *faults {
	t.Helper()
	for _, tool := range []string{"strace", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			skipUnlessCI(t, tool+" is missing: run .ci/test")
		}
	}
	f := &faults{t: t, home: t.TempDir(), proc: t.TempDir(), slots: []string{"gateway-default", "gateway-coder"}}
	if err := os.MkdirAll(filepath.Join(f.home, "profiles/coder"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.write("profiles/coder/SOUL.md", "")
	f.record("running")
	f.old = f.digests(f.pass())
	f.record("stopped")
	f.wants = f.digests(f.pass())
	if f.old["gateway-coder"] == f.wants["gateway-coder"] {
		t.Fatal("the two states give the same slot")
	}
	return f
}

func (f *faults) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.home, name), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *faults) record(state string) {
	f.t.Helper()
	for _, dir := range []string{"", "profiles/coder/"} {
		f.write(dir+"gateway_state.json", `{"desired_state": "`+state+`"}`)
	}
}

func (f *faults) args(service string) []string {
	return []string{slotgenBinary(f.t), "reconcile", "--home", f.home, "--scandir", service, "--user", "10000:10000", "--proc", f.proc}
}

// pass publishes into a new scandir and returns it.
func (f *faults) pass() string {
	f.t.Helper()
	service := f.t.TempDir()
	f.undisturbed(service)
	return service
}

func (f *faults) undisturbed(service string) {
	f.t.Helper()
	args := f.args(service)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
}

// replace is a scandir with the old slots, over a volume that wants the new ones.
func (f *faults) replace() string {
	f.t.Helper()
	f.record("running")
	service := f.pass()
	f.record("stopped")
	return service
}

// inject runs a pass under strace with system calls that fail or kill, and
// tells whether the pass was killed, its exit code and what it said.
func (f *faults) inject(service string, faults ...string) (killed bool, code int, said string) {
	f.t.Helper()
	args := []string{"-f", "-qq", "-o", "/dev/null"}
	for _, fault := range faults {
		args = append(args, "-e", "inject="+fault)
	}
	cmd := exec.Command("strace", append(args, f.args(service)...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	code = cmd.ProcessState.ExitCode()
	return code == -1 || code == 137, code, out.String()
}

// digests returns what each slot of a scandir is: bytes, modes, owners, types.
func (f *faults) digests(service string) map[string]string {
	f.t.Helper()
	all := map[string]string{}
	for _, slot := range f.slots {
		dir := filepath.Join(service, slot)
		lines, err := listTree(dir)
		if err != nil {
			all[slot] = "absent"
			continue
		}
		for i, line := range lines {
			if fields := strings.Fields(line); fields[2] == "file" {
				text, err := os.ReadFile(filepath.Join(dir, fields[3]))
				if err != nil {
					f.t.Fatal(err)
				}
				lines[i] = fmt.Sprintf("%s %x", line, sha256.Sum256(text))
			}
		}
		all[slot] = strings.Join(lines, "\n")
	}
	return all
}

// check holds that every slot is whole, then that a plain pass makes the
// scandir what an undisturbed one makes, without leftovers.
func (f *faults) check(what, service string, mayBeAbsent bool) {
	f.t.Helper()
	for slot, got := range f.digests(service) {
		if got != f.old[slot] && got != f.wants[slot] && (!mayBeAbsent || got != "absent") {
			f.t.Errorf("%s: %s is neither the old slot nor the new one:\n%s", what, slot, got)
		}
	}
	f.undisturbed(service)
	f.converged(what, service)
}

func (f *faults) converged(what, service string) {
	f.t.Helper()
	for slot, got := range f.digests(service) {
		if got != f.wants[slot] {
			f.t.Errorf("%s: the next pass leaves %s as\n%s\nwant\n%s", what, slot, got, f.wants[slot])
		}
	}
	entries, err := os.ReadDir(service)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".gateway") {
			f.t.Errorf("%s: %s is left over", what, e.Name())
		}
	}
}

func TestExchangeThatIsRefusedFallsBackToTwoRenames(t *testing.T) {
	f := newFaults(t)
	for _, errno := range []string{"EINVAL", "ENOSYS", "EXDEV"} {
		service := f.replace()
		if _, code, said := f.inject(service, "renameat2:error="+errno); code != 0 {
			t.Errorf("%s: exit code %d\n%s", errno, code, said)
		}
		f.converged(errno, service)
	}
}

func TestFirstBootWithoutNoreplaceIsTheSame(t *testing.T) {
	f := newFaults(t)
	for _, errno := range []string{"EINVAL", "ENOSYS"} {
		service := t.TempDir()
		if _, code, said := f.inject(service, "renameat2:error="+errno); code != 0 {
			t.Errorf("%s: exit code %d\n%s", errno, code, said)
		}
		f.converged(errno, service)
	}
}

// The calls that change a scandir. Each is made to kill the pass at its first,
// second, … use, until a pass ends by itself.
func changingCalls() []string {
	return []string{"mkdirat", "mknodat", "openat", "write", "fsync", "fchmod", "fchmodat", "fchown", "fchownat", "renameat", "renameat2", "unlinkat"}
}

func TestKillAtAnyInstantLeavesWholeSlots(t *testing.T) {
	f := newFaults(t)
	for _, fallback := range []bool{false, true} {
		kills := 0
		for _, call := range changingCalls() {
			faults := []string{""}
			if fallback {
				if call == "renameat2" {
					continue
				}
				faults = append(faults, "renameat2:error=EXDEV")
			}
			for n := 1; n <= 400; n++ {
				service := f.replace()
				faults[0] = fmt.Sprintf("%s:signal=KILL:when=%d", call, n)
				killed, _, _ := f.inject(service, faults...)
				if !killed {
					break
				}
				kills++
				f.check(faults[0], service, fallback)
				if call == "openat" || call == "write" {
					n += 2 // most of these only read, or print
				}
			}
		}
		t.Logf("fallback %v: killed %d times", fallback, kills)
		if kills < 60 {
			t.Errorf("fallback %v: only %d kills, is strace injecting?", fallback, kills)
		}
	}
}

func TestFailingCallIsItsProfilesFailure(t *testing.T) {
	f := newFaults(t)
	for _, fault := range []string{
		"mkdirat:error=ENOSPC:when=1", "mknodat:error=EPERM:when=1", "fsync:error=EIO:when=1", "fchmodat:error=EROFS:when=1",
		"fchownat:error=EPERM:when=1", "renameat:error=ENOSPC:when=2", "renameat2:error=EIO:when=1",
	} {
		service := f.replace()
		_, code, said := f.inject(service, fault)
		// strace counts calls for each thread by itself, so a second profile may fail too.
		failed := strings.Count(said, "action=failed")
		if code != 1 || failed == 0 || strings.Count(said, `slotgen: error: profile "`) != failed {
			t.Errorf("%s: exit code %d\n%s", fault, code, said)
		}
		f.check(fault, service, false)
	}
}

func TestFullScandirFailsWhatDoesNotFit(t *testing.T) {
	if os.Geteuid() != 0 {
		skipUnlessCI(t, "mounting a small file system needs root")
	}
	f := newFaults(t)
	f.record("running")
	script := `set -u
mount -t tmpfs -o size=24k,mode=0755 tmpfs "$SERVICE"
"$@"; echo "first $?"
ls -A "$SERVICE"
mount -o remount,size=1m "$SERVICE"
"$@"; echo "second $?"`
	service := t.TempDir()
	args := append([]string{"--mount", "--propagation", "private", "sh", "-c", script, "sh"}, f.args(service)...)
	cmd := exec.Command("unshare", args...)
	// One slot at a time: two could share the room that is enough for one.
	cmd.Env = append(os.Environ(), "SERVICE="+service, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, second, _ := strings.Cut(string(out), "first 1\n")
	if !strings.Contains(first, "profile=default prior_state=running action=started\n") ||
		!strings.Contains(first, "profile=coder prior_state=running action=failed\n") ||
		!strings.Contains(first, "no space left on device") || strings.Contains(second, ".gateway-coder.new") ||
		!strings.HasSuffix(strings.TrimSpace(second), "second 0") {
		t.Errorf("the passes said:\n%s", out)
	}
}
