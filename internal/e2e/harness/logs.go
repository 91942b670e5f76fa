package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// LogLines returns the lines that s6-log kept of a profile's gateway, without the time stamps.
// It returns none when there is no log yet.
func (c *Container) LogLines(profile string) []string {
	c.T.Helper()
	dir := filepath.Join(c.Home, "logs/gateways", profile)
	files, err := filepath.Glob(dir + "/@*")
	if err != nil {
		c.T.Fatal(err)
	}
	slices.Sort(files)
	var lines []string
	for _, file := range append(files, dir+"/current") {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.T.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, rest, found := strings.Cut(line, "  "); found && strings.HasSuffix(rest, "\n") {
				lines = append(lines, strings.TrimSuffix(rest, "\n"))
			}
		}
	}
	return lines
}

// CheckLines checks the log of a profile's stand-in gateway: it has every line of every start,
// once and in order.
func CheckLines(t *testing.T, c *Container, profile string) {
	t.Helper()
	next := map[string]int{}
	for _, line := range c.LogLines(profile) {
		var pid string
		var n int
		if _, err := fmt.Sscanf(line, profile+" %s line %d", &pid, &n); err != nil {
			continue
		}
		if next[pid]++; n != next[pid] {
			t.Fatalf("profile %s: line %d of process %s follows line %d", profile, n, pid, next[pid]-1)
		}
	}
	if len(next) == 0 {
		t.Errorf("profile %s: no line in its log", profile)
	}
}

// Written counts the starts and lines in a service's log.
type Written struct {
	Starts, Lines int
	Unended       []int // PIDs of the starts without a last line
}

// CheckWritten checks that a log has every line of every start, once and in order. When a start
// has ended, its last line must carry the number of the line before it.
func CheckWritten(t *testing.T, name string, lines []string) Written {
	t.Helper()
	var w Written
	next := map[int]int{}
	ended := map[int]bool{}
	var order []int
	for _, line := range lines {
		var pid, n int
		var kind string
		if _, err := fmt.Sscanf(line, "%d %s %d", &pid, &kind, &n); err != nil {
			t.Fatalf("%s: a torn line %q", name, line)
		}
		switch {
		case ended[pid]:
			t.Fatalf("%s: %q after the last line", name, line)
		case kind == "last" && n == next[pid]:
			ended[pid] = true
			continue
		case kind != "line" || n != next[pid]+1:
			t.Fatalf("%s: %q follows line %d", name, line, next[pid])
		}
		if next[pid] == 0 {
			order = append(order, pid)
		}
		next[pid] = n
		w.Lines++
	}
	for _, pid := range order {
		if !ended[pid] {
			w.Unended = append(w.Unended, pid)
		}
	}
	w.Starts = len(order)
	return w
}
