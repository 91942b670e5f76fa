package scan

import (
	"strings"
	"testing"
)

func TestLogTailIsBoundedAndBeginsWithAWholeLine(t *testing.T) {
	home := newHome(t)
	const half = "TIME profile=half y\n"
	rest := strings.Repeat("x", maxTail-len(half)-1) + "\n"
	put(t, home, "logs/container-boot.log", "TIME profile=old x\nTIME profile=b "+half+rest)
	v := openVolume(t, home)
	for _, name := range []string{"old", "half"} {
		if lines, err := v.BootLogTail(name, 3); err != nil || len(lines) > 0 {
			t.Errorf("%s: %q, %v; want nothing", name, lines, err)
		}
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
