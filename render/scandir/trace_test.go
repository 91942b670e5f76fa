package scandir

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// publishVar names the scandir into which the test binary publishes a slot.
const publishVar = "SLOTGEN_TEST_PUBLISH"

// TestAsPublisher runs in the process that publisher returns, under strace.
func TestAsPublisher(t *testing.T) {
	path := os.Getenv(publishVar)
	if path == "" {
		return // this is not the process of publisher
	}
	publish(t, open(t, path), slot("#!/bin/dash\n"))
}

// publisher returns a command that runs TestAsPublisher under strace, and its output.
func publisher(t *testing.T, path string, options ...string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	strace := testenv.NeedProgram(t, "strace")
	options = append([]string{"-f", "-qq", "-e", "signal=none"}, options...)
	cmd := exec.Command(strace, append(options, os.Args[0], "-test.run=^TestAsPublisher$")...)
	cmd.Env = append(os.Environ(), publishVar+"="+path)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// Only slotgen's own user can enter a slot that is not complete.
func TestSlotIsClosedUntilItIsWhole(t *testing.T) {
	scandir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	write(t, filepath.Join(scandir, ".gateway-coder.new/run"), "of a killed pass")
	cmd, out := publisher(t, scandir, "-y", "-o", trace, "-e", "trace=%file")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`(?m)^\d+ +(mkdirat|mknodat|openat|fchownat|fchmodat|renameat)\(\d+<([^>]*)>, "([^"]*)", (.*)$`)
	made, given := 0, map[string]string{}
	for _, m := range call.FindAllStringSubmatch(string(text), -1) {
		name, file, rest := m[1], path.Join(m[2], m[3]), m[4]
		rel, staged := strings.CutPrefix(file, scandir+"/.gateway-coder.new")
		if !staged || name == "openat" && !strings.Contains(rest, "O_CREAT") {
			continue
		}
		for dir := path.Dir(file); dir != scandir && dir != "/" && rel != ""; dir = path.Dir(dir) {
			if given[dir] != "" {
				t.Errorf("below %q, which is open to others: %s", dir, m[0])
				break
			}
		}
		switch name {
		case "mkdirat":
			made++
			if !strings.HasPrefix(rest, "0700") {
				t.Errorf("a directory is made that others may enter: %s", m[0])
			}
		case "mknodat":
			made++
			if !strings.HasPrefix(rest, "S_IFIFO|0600") {
				t.Errorf("a FIFO is made that others may use: %s", m[0])
			}
		case "fchownat", "fchmodat":
			if given[file] == "fchmodat" {
				t.Errorf("after its mode: %s", m[0])
			}
			given[file] = name
		}
	}
	// The slot itself twice, log, two supervise and their FIFOs.
	if made < 7 || given[scandir+"/.gateway-coder.new"] != "fchmodat" {
		t.Errorf("%d were made, the last steps were %v:\n%s", made, given, text)
	}
}
