package boot

import (
	"fmt"
	"os/exec"
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
