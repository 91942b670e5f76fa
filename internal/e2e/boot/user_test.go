package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// An image that holds only the binary has no /etc/passwd.
func TestUserWithoutPasswdIsTheImages(t *testing.T) {
	testenv.NeedRoot(t, "makes mounts")
	home := t.TempDir()
	for user, want := range map[string]string{
		"hermes": `slotgen: warning: no user "hermes" here: using 10000:10000`,
		"other":  `slotgen: error: --user "other": no such user`,
	} {
		script := fmt.Sprintf("mount -t tmpfs none /etc && exec %s render --home %s --profile default --user %s --proc %s",
			harness.SlotgenBinary(t), home, user, home)
		out, _ := exec.Command("unshare", "--mount", "sh", "-c", script).CombinedOutput()
		if first, _, _ := strings.Cut(string(out), "\n"); first != want {
			t.Errorf("%q, want %q", first, want)
		}
	}
}

// In a user namespace with one id, no process can change its groups, root neither.
func TestScriptsRunAsRootWhereTheUserIsRoot(t *testing.T) {
	log := testenv.NeedProgram(t, "s6-log")
	dir := t.TempDir()
	if err := os.Symlink(log, filepath.Join(dir, "s6-log")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "with-contenv"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("unshare", "--user", "--map-root-user", "sh", "-ec", `mkdir "$1/home" "$1/scandir"
"$0" reconcile --home "$1/home" --scandir "$1/scandir" --user 0:0 --command /bin/true --command-dir "$1" --proc "$1"
"$1/scandir/gateway-default/run"
echo a line | "$1/scandir/gateway-default/log/run"
grep "a line" "$1/home/logs/gateways/default/current"`, harness.SlotgenBinary(t), dir).CombinedOutput()
	if err != nil {
		t.Errorf("the scripts: %v\n%s", err, out)
	}
}
