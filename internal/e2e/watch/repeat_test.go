package watch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWatchRepeatsNoWarningAfterAPassOverAnotherProfile(t *testing.T) {
	l := newLone(t, 0)
	l.profile("stale")
	if err := os.Mkdir(filepath.Join(l.home, "profiles/stale/gateway.pid"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.start(nil, "--interval", "1h")
	l.profile("new")
	l.waitOutput(`created slot "gateway-new"`)
	if err := l.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	l.waitOutput("3 profiles: 0 created, 0 updated, 3 unchanged")
	if n := strings.Count(l.stderr.String(), `warning: removing "profiles/stale/gateway.pid"`); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, l.stderr)
	}
}
