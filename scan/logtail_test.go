package scan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

func TestLogTailIsBounded(t *testing.T) {
	home := newHome(t)
	put(t, home, "logs/container-boot.log.1", "TIME profile=a x\n"+strings.Repeat("x", maxLog))
	put(t, home, "logs/container-boot.log", "TIME profile=a y\n")
	lines, err := openVolume(t, home).BootLogTail("a", 3)
	if want := `reading "logs/container-boot.log.1": larger than 1 MiB`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if len(lines) != 1 || lines[0] != "TIME profile=a y" {
		t.Errorf("lines %q, want those of the other file", lines)
	}
}

func TestLogTailIsOfOneProfile(t *testing.T) {
	home := newHome(t)
	var text strings.Builder
	for _, name := range []string{"a", "b", "a", "a", `"a b"`, "aa", "a"} {
		text.WriteString("TIME profile=" + name + " x\n")
	}
	text.WriteString("TIME profile=b prior_state=\"x profile=nobody \" action=registered\n")
	put(t, home, "logs/container-boot.log", strings.Repeat("TIME profile=b x\n", 20000)+text.String())
	v := openVolume(t, home)
	for _, tt := range []struct {
		name  string
		lines int
	}{{"a", 3}, {"a b", 1}, {"nobody", 0}} {
		lines, err := v.BootLogTail(tt.name, 3)
		if err != nil || len(lines) != tt.lines {
			t.Errorf("%s: %q, %v; want %d lines", tt.name, lines, err, tt.lines)
		}
	}
	fifoHome := newHome(t)
	fifo(t, fifoHome, "logs/container-boot.log")
	fv := openVolume(t, fifoHome)
	if lines, err := fv.BootLogTail("a", 3); err == nil {
		t.Errorf("lines %q of a FIFO", lines)
	}
}

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
