package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// traced runs a pass under strace with the given options, and returns what
// strace wrote, the exit code and what the pass said.
func (f *faults) traced(service string, options ...string) (trace string, code int, said string) {
	f.t.Helper()
	log := filepath.Join(f.t.TempDir(), "trace")
	args := append([]string{"-f", "-qq", "-o", log}, options...)
	cmd := exec.Command("strace", append(args, f.args(service)...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatal(err)
	}
	return readText(f.t, log), cmd.ProcessState.ExitCode(), out.String()
}

func TestStateThatFailsToBeReadLeavesTheSlotAsItIs(t *testing.T) {
	f := newFaults(t)
	service := f.replace()
	trace, code, said := f.traced(service, "-P", filepath.Join(f.home, "profiles/coder/gateway_state.json"), "-e", "inject=read:error=EIO")
	if !strings.Contains(trace, "(INJECTED)") {
		t.Fatalf("no read failed:\n%s", trace)
	}
	if code != 1 || !strings.Contains(said, "profile=coder prior_state=None action=failed\n") ||
		!strings.Contains(said, `slotgen: error: profile "coder": reading "profiles/coder/gateway_state.json": input/output error`+"\n") {
		t.Errorf("exit code %d\n%s", code, said)
	}
	slots := f.digests(service)
	if slots["gateway-coder"] != f.old["gateway-coder"] || slots["gateway-default"] != f.wants["gateway-default"] {
		t.Errorf("coder's slot is not the old one, or the default slot not the new one:\n%v", slots)
	}
	f.check("EIO", service, false)
}

func TestBootLogIsAppendedInOneWrite(t *testing.T) {
	f := newFaults(t)
	log := filepath.Join(f.home, "logs/container-boot.log")
	before := readText(t, log)
	trace, code, said := f.traced(f.pass(), "-P", log, "-e", "trace=write,writev,pwrite64")
	if code != 0 || strings.Count(trace, "write") != 1 {
		t.Errorf("exit code %d\n%s%s", code, trace, said)
	}
	if added := strings.Count(readText(t, log), "\n") - strings.Count(before, "\n"); added != 4 {
		t.Errorf("%d lines were added by two passes over two profiles", added)
	}
}

// A write that finds no space costs the slot that it was for and no other,
// whichever write it is. (It may be one of the messages, too: strace counts the
// calls of each thread by itself.)
func TestWriteWithoutSpaceFailsItsProfileAlone(t *testing.T) {
	f := newFaults(t)
	failures := map[string]int{}
	for n := 1; n <= 60; n++ {
		service := f.replace()
		trace, code, said := f.traced(service, "-e", "trace=write", "-e", "inject=write:error=ENOSPC:when="+strconv.Itoa(n))
		refused := strings.Count(trace, "(INJECTED)")
		if refused == 0 {
			break
		}
		failed := 0
		for slot, digest := range f.digests(service) {
			switch digest {
			case f.wants[slot]:
			case f.old[slot]:
				failed++
				failures[slot]++
			default:
				t.Errorf("write %d: %s is\n%s\nneither old nor new\n%s", n, slot, digest, said)
			}
		}
		if failed > refused || failed > 0 && code != 1 {
			t.Errorf("write %d: %d slots failed of %d refused writes, exit code %d\n%s", n, failed, refused, code, said)
		}
		f.check("write "+strconv.Itoa(n), service, false)
	}
	for _, slot := range f.slots {
		if failures[slot] == 0 {
			t.Errorf("no write for %s failed, is strace injecting?", slot)
		}
	}
}

// The fallback's two renames leave the name free for an instant: where the second
// one fails the old slot comes back at once, not with the next pass.
func TestFallbackThatFailsPutsTheOldSlotBack(t *testing.T) {
	f := newFaults(t)
	failures := 0
	for n := 1; n <= 60; n++ {
		service := f.replace()
		trace, code, said := f.traced(service, "-e", "trace=renameat,renameat2",
			"-e", "inject=renameat2:error=EXDEV", "-e", "inject=renameat:error=EIO:when="+strconv.Itoa(n))
		if !strings.Contains(trace, "EIO (Input/output error) (INJECTED)") {
			break
		}
		for slot, digest := range f.digests(service) {
			if digest != f.old[slot] && digest != f.wants[slot] {
				t.Errorf("rename %d: %s is\n%s\nneither old nor new\n%s", n, slot, digest, said)
			}
			if digest == f.old[slot] {
				failures++
			}
		}
		if code > 1 {
			t.Errorf("rename %d: exit code %d\n%s", n, code, said)
		}
		f.check("rename "+strconv.Itoa(n), service, false)
	}
	if failures == 0 {
		t.Error("no rename failed, is strace injecting?")
	}
}

// inSmallFilesystem runs a shell script with a tmpfs of its own at $DISK.
func inSmallFilesystem(t *testing.T, f *faults, script string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		skipUnlessCI(t, "mounting a small file system needs root")
	}
	disk := t.TempDir()
	args := append([]string{"--mount", "--propagation", "private", "sh", "-euc", script, "sh"}, f.args(filepath.Join(disk, "service"))...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), "DISK="+disk, "HOME_DIR="+f.home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestFullScandirKeepsTheSlotsThatStand(t *testing.T) {
	f := newFaults(t)
	f.record("running")
	out := inSmallFilesystem(t, f, `
mount -t tmpfs -o size=1m,mode=0755 tmpfs "$DISK"
"$@"
cp -a "$DISK/service" "$DISK/kept"; tar -cf "$HOME_DIR/kept.tar" -C "$DISK/kept" .; rm -r "$DISK/kept"
echo '{"desired_state": "stopped"}' >"$HOME_DIR/profiles/coder/gateway_state.json"
dd if=/dev/zero of="$DISK/fill" bs=4k 2>/dev/null || :
rc=0; "$@" || rc=$?; echo "full: $rc"
tar -df "$HOME_DIR/kept.tar" -C "$DISK/service" --exclude=.slotgen.lock && echo "the slots stand"
ls -A "$DISK/service"
rm "$DISK/fill"
"$@"
ls "$DISK/service/gateway-coder"`)
	for _, want := range []string{
		"profile=coder prior_state=stopped action=failed\n", "profile=default prior_state=running action=started\n",
		"no space left on device", "full: 1\n", "the slots stand\n", "profile=coder prior_state=stopped action=registered\n", "down\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, ".gateway-") {
		t.Errorf("something is left over:\n%s", out)
	}
}

// The log ends 6 bytes before its page does, and there is no other page.
func TestBootLogOnAFullVolumeKeepsWholeLines(t *testing.T) {
	f := newFaults(t)
	out := inSmallFilesystem(t, f, `
mount -t tmpfs -o size=64k,mode=0755 tmpfs "$HOME_DIR/logs"
cd "$HOME_DIR/logs"
{ head -c 4089 /dev/zero | tr '\0' x; echo; } >container-boot.log
cp container-boot.log "$DISK/before"
dd if=/dev/zero of=fill bs=4k 2>/dev/null || :
"$@"
cmp container-boot.log "$DISK/before" && echo "the log is as it was"
rm fill
"$@"
tail -n +2 container-boot.log`)
	for _, want := range []string{
		`slotgen: warning: writing "logs/container-boot.log": no space left on device`, "the log is as it was\n", " prior_exit=unknown\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}

// A device can't even be opened there, root or not.
func TestDeviceOnAVolumeWithoutDevicesIsNoState(t *testing.T) {
	f := newFaults(t)
	out := inSmallFilesystem(t, f, `
mount -t tmpfs -o nodev,mode=0755 tmpfs "$HOME_DIR/profiles"
mkdir "$HOME_DIR/profiles/odd"
touch "$HOME_DIR/profiles/odd/SOUL.md"
mknod "$HOME_DIR/profiles/odd/gateway_state.json" c 1 5
rc=0; "$@" || rc=$?; echo "exit $rc"`)
	for _, want := range []string{
		"profile=odd prior_state=None action=registered\n", `slotgen: warning: reading "profiles/odd/gateway_state.json": not a regular file`, "exit 0\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
