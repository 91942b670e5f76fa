package scan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

func TestGatewayLogTailIsTheLastLines(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	v := openVolume(t, home)
	tail := func() []string {
		t.Helper()
		lines, err := v.GatewayLogTail("coder", 2)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	if lines := tail(); len(lines) > 0 {
		t.Errorf("a missing log has lines: %q", lines)
	}
	put(t, home, "logs/gateways/coder/current", "one\ntwo\n"+strings.Repeat("x", 5000)+"\n")
	if want := []string{"two", strings.Repeat("x", 4096)}; !slices.Equal(tail(), want) {
		t.Errorf("lines %q", tail())
	}
	put(t, home, "logs/gateways/coder/current", "half a line")
	if lines := tail(); !slices.Equal(lines, []string{"half a line"}) {
		t.Errorf("lines %q", lines)
	}
	if err := os.Remove(filepath.Join(home, "logs/gateways/coder/current")); err != nil {
		t.Fatal(err)
	}
	mkdir(t, home, "logs/gateways/coder/current")
	if lines, err := v.GatewayLogTail("coder", 2); err == nil {
		t.Errorf("a directory has lines: %q", lines)
	}
}

func TestCheckGatewayLogNamesTheDirectoryThatIsShut(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	home := newUsersHome(t)
	v := openVolumeAs(t, home, testUser)
	if err := v.CheckGatewayLog("coder"); err != nil {
		t.Errorf("a missing directory in a home that the user may write: %v", err)
	}
	mkdir(t, home, "logs/gateways")
	const want = `/logs/gateways" belongs to 0:0: permission denied`
	if err := v.CheckGatewayLog("coder"); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, want %q at its end", err, want)
	}
}
