package fault

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// inSmallFilesystem runs a shell script in its own mount namespace. The script can mount on the
// directory $DISK. $HOME_DIR is a volume with the running profile coder. "$@" is a pass over it
// into $DISK/service.
func inSmallFilesystem(t *testing.T, script string) string {
	t.Helper()
	testenv.NeedRoot(t, "mounts a small file system")
	disk := t.TempDir()
	f := &faults{t: t, root: memoryDir(t)}
	home := filepath.Join(f.root, "home")
	for _, dir := range []string{"home/", "home/profiles/coder/"} {
		f.write(dir+"SOUL.md", "")
		f.write(dir+"gateway_state.json", `{"desired_state": "running"}`)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh",
		harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", disk+"/service", "--user", "10000:10000", "--proc", t.TempDir())
	cmd.Env = append(os.Environ(), "DISK="+disk, "HOME_DIR="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// checkOutput checks that a text has the given parts in this order.
func checkOutput(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		var found bool
		if _, rest, found = strings.Cut(rest, part); !found {
			t.Errorf("it does not say %q, or too early:\n%s", part, text)
			return
		}
	}
}

// With one processor the pass makes one slot after the other. Two slots at once might take the
// room from each other.
func TestFullScandirFailsWhatDoesNotFit(t *testing.T) {
	out := inSmallFilesystem(t, `
export GOMAXPROCS=1
mount -t tmpfs -o size=24k,mode=0755 tmpfs "$DISK"
rc=0; "$@" 2>&1 || rc=$?; echo "full: $rc"
ls -A "$DISK/service"
mount -o remount,size=1m "$DISK"
"$@"; ls -A "$DISK/service"`)
	checkOutput(t, out, "no space left on device", "full: 1\n", ".slotgen.lock\ngateway-default\n",
		"profile=coder prior_state=running action=started\n", ".slotgen.lock\ngateway-coder\ngateway-default\n")
	checkOutput(t, out, "profile=default prior_state=running action=started\n", "profile=coder prior_state=running action=failed\n", "full: 1\n")
}

func TestFullScandirKeepsTheSlotsThatStand(t *testing.T) {
	out := inSmallFilesystem(t, `
mount -t tmpfs -o size=1m,mode=0755 tmpfs "$DISK"
"$@"
cp -a "$DISK/service" "$HOME_DIR/kept"
echo '{"desired_state": "stopped"}' >"$HOME_DIR/profiles/coder/gateway_state.json"
dd if=/dev/zero of="$DISK/fill" bs=4k 2>/dev/null || :
rc=0; "$@" 2>&1 || rc=$?; echo "full: $rc"
tar -cf "$HOME_DIR/kept.tar" -C "$HOME_DIR/kept" .
tar -df "$HOME_DIR/kept.tar" -C "$DISK/service" --exclude=.slotgen.lock && echo "the slots stand"
ls -A "$DISK/service"
rm "$DISK/fill"
"$@"
ls "$DISK/service/gateway-coder"`)
	checkOutput(t, out, "no space left on device", "full: 1\n", "the slots stand\n.slotgen.lock\ngateway-coder\ngateway-default\n",
		"profile=coder prior_state=stopped action=registered\n", "down\n")
	checkOutput(t, out, "profile=default prior_state=running action=started\n", "profile=coder prior_state=stopped action=failed\n", "full: 1\n")
}

// The log ends 6 bytes before the end of its page, and no other page is free.
func TestBootLogOnAFullVolumeKeepsWholeLines(t *testing.T) {
	out := inSmallFilesystem(t, `
mkdir "$HOME_DIR/logs"
mount -t tmpfs -o size=64k,mode=0755 tmpfs "$HOME_DIR/logs"
cd "$HOME_DIR/logs"
{ head -c 4089 /dev/zero | tr '\0' x; echo; } >container-boot.log
chown -R 10000:10000 .
cp container-boot.log "$DISK/before"
dd if=/dev/zero of=fill bs=4k 2>/dev/null || :
"$@" 2>&1
cmp container-boot.log "$DISK/before" && echo "the log is as it was"
rm fill
"$@"
tail -n +2 container-boot.log`)
	checkOutput(t, out, `slotgen: warning: writing "logs/container-boot.log": no space left on device`, "the log is as it was\n", " prior_exit=unknown change=unchanged host=")
}

// On such a volume nobody can open a device, not even root.
func TestDeviceOnAVolumeWithoutDevicesIsNoState(t *testing.T) {
	out := inSmallFilesystem(t, `
mount -t tmpfs -o nodev,mode=0755 tmpfs "$HOME_DIR/profiles"
mkdir "$HOME_DIR/profiles/odd"
touch "$HOME_DIR/profiles/odd/SOUL.md"
mknod "$HOME_DIR/profiles/odd/gateway_state.json" c 1 5
rc=0; "$@" 2>&1 || rc=$?; echo "exit $rc"`)
	checkOutput(t, out, "profile=odd prior_state=None action=registered\n", "exit 0\n")
	checkOutput(t, out, `slotgen: warning: reading "profiles/odd/gateway_state.json": not a regular file`)
}

func TestBootLogIsAppendedInOneWrite(t *testing.T) {
	testenv.NeedProgram(t, "strace")
	f := newFaults(t, situationCalled(t, "exchange"))
	defer f.setUp()()
	run := f.trace("write,writev,pwrite64", "-P", filepath.Join(f.root, "home/logs", bootLog))
	if added, whole := f.logged(); run.code != harness.ExitOK || len(run.calls) != 1 || added != f.lines || !whole {
		t.Errorf("exit code %d, %d lines added by %v, whole: %v", run.code, added, run.calls, whole)
	}
}

// A file system may support no flags of renameat2, or no exchange of directories. A seccomp profile
// that does not know the call answers EPERM.
func TestRenameThatIsRefusedHasAStandIn(t *testing.T) {
	testenv.NeedProgram(t, "strace")
	for name, errnos := range map[string][]unix.Errno{
		"first boot": {unix.EINVAL, unix.ENOSYS, unix.EPERM},
		"exchange":   {unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EXDEV},
	} {
		f := newFaults(t, situationCalled(t, name))
		for _, errno := range errnos {
			undo := f.setUp()
			f.always = "renameat2:error=" + unix.ErrnoName(errno)
			run := f.trace("renameat2")
			if got := f.read(); run.code != harness.ExitOK || len(run.calls) == 0 || !got.equal(f.wants) {
				t.Errorf("%s, %s: exit code %d\n%s\n%s", name, errno, run.code, run.stderr, f.wants.changes(got))
			}
			undo()
		}
	}
}

func situationCalled(t *testing.T, name string) situation {
	t.Helper()
	for _, s := range situations() {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("there is no situation %q", name)
	return situation{}
}
