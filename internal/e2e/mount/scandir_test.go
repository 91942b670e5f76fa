package mount

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// passesOver makes two passes with a scandir at $2, which the script sets up, and returns what the
// second one prints.
func passesOver(t *testing.T, setUp string) string {
	t.Helper()
	testenv.NeedRoot(t, "mounts file systems")
	script := `mkdir "$2" "$3"
` + setUp + `
"$0" reconcile --home "$1" --scandir "$2" --user 10000:10000 --proc "$3" >"$3/first" 2>&1
exec "$0" reconcile --home "$1" --scandir "$2" --user 10000:10000 --proc "$3"`
	dir := t.TempDir()
	out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec", script,
		harness.SlotgenBinary(t), newVolume(t), dir+"/scandir", dir+"/proc").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

func TestScandirThatExecutesNothingIsAWarning(t *testing.T) {
	t.Parallel()
	out := passesOver(t, `mount -t tmpfs -o noexec,mode=0755 none "$2"`)
	if !strings.Contains(out, "is mounted noexec: no run script in it can start\nslotgen: hint: mount it with the option exec") {
		t.Errorf("no warning:\n%s", out)
	}
	out = passesOver(t, `mount -t tmpfs -o mode=0755 none "$2"`)
	if strings.Contains(out, "warning") {
		t.Errorf("a warning of a scandir where all is well:\n%s", out)
	}
}

func TestScandirThatIgnoresModesIsOneWarning(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "bindfs")
	out := passesOver(t, `mkdir "$3/below"
bindfs --chmod-ignore "$3/below" "$2"`)
	const want = "ignores modes: every pass updates its slots\nslotgen: hint: mount a tmpfs there\n"
	if strings.Count(out, want) != 1 || !strings.Contains(out, "3 updated") {
		t.Errorf("not one warning, or no slot is updated again:\n%s", out)
	}
}

// An image that was made from a running container holds its slots. The directories of a lower
// layer can't be renamed.
func TestSlotInTheLowerLayerOfAnOverlayStaysDownAndCanBePruned(t *testing.T) {
	t.Parallel()
	testenv.NeedRoot(t, "mounts file systems")
	testenv.NeedProgram(t, "s6-supervise")
	dir := t.TempDir()
	out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec", `mount -t tmpfs -o mode=0755 none "$2"
cd "$2"
mkdir lower upper work scandir proc
pass() { command=$1 scandir=$2; shift 2; "$program" "$command" --home "$home" --scandir "$scandir" --user 10000:10000 --proc proc "$@"; }
program=$0 home=$1
pass reconcile lower
mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=off scandir
echo '{"desired_state": "stopped"}' >"$home/profiles/coder/gateway_state.json"
pass reconcile scandir
test -e scandir/gateway-coder/down
pass diff scandir
rm -r "$home/profiles/coder"
s6-supervise scandir/gateway-coder &
until s6-svok scandir/gateway-coder; do sleep 0.1; done
if pass reconcile scandir --prune 2>prune; then exit 1; fi
grep -x 'slotgen: hint: it is in the lower layer of an overlay: run the prune before s6-svscan starts' prune
test -e scandir/gateway-coder/down
kill $!
wait $!
pass reconcile scandir --prune
test ! -e scandir/gateway-coder
test -z "$(ls -A scandir | grep -v ^gateway- | grep -v ^.slotgen.lock)"`,
		harness.SlotgenBinary(t), newVolume(t), dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Three causes have three hints.
func TestHintNamesTheCauseOfASlotThatCannotBeMade(t *testing.T) {
	testenv.NeedRoot(t, "makes user namespaces")
	testenv.NeedProgram(t, "strace")
	for name, tt := range map[string]struct {
		behind []string
		user   string
		hint   string
	}{
		"a group that is not mapped": {[]string{"unshare", "--user", "--map-root-user"}, "0:5", "this user namespace does not map the user or its group"},
		"no FIFOs": {
			[]string{"strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=mknodat", "-e", "inject=mknodat:error=EPERM"},
			"10000:10000", "the file system of the scandir has no FIFOs",
		},
		"no CAP_CHOWN": {[]string{"setpriv", "--bounding-set", "-chown", "--inh-caps", "-chown"}, "10000:10000", "giving a slot to a group needs CAP_CHOWN"},
	} {
		home := t.TempDir()
		if tt.user != "0:5" {
			home = newVolume(t)
		}
		args := slices.Concat(tt.behind, []string{
			harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", t.TempDir() + "/scandir",
			"--user", tt.user, "--proc", t.TempDir(),
		})
		out, _ := exec.Command(args[0], args[1:]...).CombinedOutput()
		if !strings.Contains(string(out), "slotgen: hint: "+tt.hint) || strings.Contains(tt.hint, "FIFO") && strings.Contains(string(out), "supervise-access") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
