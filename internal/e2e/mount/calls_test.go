package mount

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

var (
	tracedCall = regexp.MustCompile(`^(\d+) +(.*)`)
	tracedUID  = regexp.MustCompile(`^setfsuid\((\d+)`)
	ownerCall  = regexp.MustCompile(`^f?l?ch(own|mod)`)
)

// Only closing a descriptor needs no credentials.
func TestEveryCallOnTheVolumeIsTheUsers(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	testenv.NeedProgram(t, "strace")
	home, trace := newVolume(t), filepath.Join(t.TempDir(), "trace")
	proc := t.TempDir()
	for name, text := range map[string]string{"cmdline": "main-wrapper.sh\x00gateway\x00run\x00", "status": harness.RootsStatus} {
		if err := os.MkdirAll(proc+"/1", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(proc+"/1/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("strace", "-f", "-y", "-e", "trace=%file,%desc,setfsuid", "-o", trace, harness.SlotgenBinary(t), "reconcile",
		"--home", home, "--scandir", t.TempDir(), "--user", "10000:10000", "--proc", proc).CombinedOutput()
	if err != nil || strings.Contains(string(out), "warning") {
		t.Fatalf("%v\n%s", err, out)
	}
	uid := map[string]string{} // the file-system uid of each thread
	calls := 0
	for line := range strings.Lines(harness.ReadText(t, trace)) {
		m := tracedCall.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		thread, call := m[1], m[2]
		if set := tracedUID.FindStringSubmatch(call); set != nil {
			uid[thread] = set[1]
		}
		if !strings.Contains(call, home) || strings.HasPrefix(call, "execve(") || strings.HasPrefix(call, "close(") {
			continue
		}
		if calls++; uid[thread] != "10000" || ownerCall.MatchString(call) {
			t.Errorf("as user %q: %s", uid[thread], call)
		}
	}
	if calls < 30 {
		t.Errorf("only %d calls on the volume", calls)
	}
}
