// Package mount tests a boot over volumes on mounts where root can do less than the user.
package mount

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

// newVolume makes a volume of hermes' with a running, a stopped and a default profile.
func newVolume(t *testing.T) string {
	t.Helper()
	home := harness.UsersDir(t)
	for name, text := range map[string]string{
		"profiles/coder/SOUL.md": "", "profiles/coder/gateway_state.json": harness.Running, "profiles/coder/gateway.pid": "42\n",
		"profiles/writer/SOUL.md": "", "profiles/writer/gateway_state.json": harness.Stopped,
	} {
		path := filepath.Join(home, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600) // for nobody else's eyes
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	harness.GiveToUser(t, home)
	return home
}

// boot makes a pass in mounts of its own, behind the program and its arguments, and looks
// at what it does on the volume. Volume is where the files are.
func boot(t *testing.T, home, volume, setUp string, behind ...string) {
	t.Helper()
	service := t.TempDir() + "/service"
	script := setUp + `
exec "$@"`
	args := append([]string{"--mount", "--propagation", "private", "sh", "-ec", script, "sh"}, behind...)
	cmd := exec.Command("unshare", append(args, harness.SlotgenBinary(t), "reconcile", "--home", home,
		"--scandir", service, "--user", "10000:10000", "--proc", t.TempDir(), "--supervise-access", "root")...)
	cmd.Env = append(os.Environ(), "VOLUME="+volume)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "warning") {
		t.Fatalf("%v\n%s", err, out)
	}
	if harness.Exists(service+"/gateway-coder/down") || !harness.Exists(service+"/gateway-writer/down") {
		t.Errorf("the running profile is not started, or the stopped one is:\n%s", out)
	}
	if harness.Exists(volume + "/profiles/coder/gateway.pid") {
		t.Error("the stale file is still there")
	}
	var st unix.Stat_t
	if err := unix.Lstat(volume+"/logs/container-boot.log", &st); err != nil || st.Uid != harness.HermesID {
		t.Errorf("the boot log is of user %d: %v", st.Uid, err)
	}
	mkdir := exec.Command("setpriv", "--reuid", "10000", "--regid", "10000", "--clear-groups", "mkdir", "-p", volume+"/logs/gateways/coder")
	if out, err := mkdir.CombinedOutput(); err != nil {
		t.Errorf("a logger can't make its directory: %v\n%s", err, out)
	}
}

func TestBootOnMountsThatIgnoreOrRefuseChown(t *testing.T) {
	testenv.NeedRoot(t, "mounts file systems")
	testenv.NeedProgram(t, "bindfs")
	for _, option := range []string{"--chown-ignore", "--chown-deny", "--force-user=10000 --force-group=10000"} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			volume := newVolume(t)
			home := harness.UsersDir(t)
			boot(t, home, volume, `bindfs `+option+` "$VOLUME" `+home)
		})
	}
}

func TestBootOnAMountThatSquashesRoot(t *testing.T) {
	const nobody = 65534
	for name, anon := range map[string]int{"to nobody": nobody, "to the user": harness.HermesID} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			volume := newVolume(t)
			home := harness.UsersDir(t)
			mountSquashed(t, volume, home, anon)
			if _, err := os.ReadFile(home + "/profiles/coder/gateway_state.json"); (err == nil) != (anon == harness.HermesID) {
				t.Fatalf("root reads the user's file: %v", err)
			}
			boot(t, home, volume, "")
		})
	}
}

func TestBootByARootWithFewerCapabilities(t *testing.T) {
	testenv.NeedRoot(t, "drops capabilities")
	for _, lacks := range []string{"-dac_override,-dac_read_search", "-fowner", "-chown", "-dac_override,-dac_read_search,-fowner,-chown,-fsetid"} {
		t.Run(lacks, func(t *testing.T) {
			t.Parallel()
			volume := newVolume(t)
			boot(t, volume, volume, "", "setpriv", "--bounding-set", lacks, "--inh-caps", lacks)
		})
	}
}

func TestBootOverAHomeThatOnlyTheUserMayEnter(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	for _, mode := range []os.FileMode{0o700, 0o711} {
		volume := newVolume(t)
		if err := os.Chmod(volume, mode); err != nil {
			t.Fatal(err)
		}
		boot(t, volume, volume, "")
	}
}
