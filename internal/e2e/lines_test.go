package e2e

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// linesMain is a program of the tests' own, a service that is cheaper than a
// shell's: it writes "PID line N" until it gets TERM, and then "PID last N".
func linesMain() {
	pause, err := time.ParseDuration(os.Args[1])
	if err != nil {
		panic(err)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	n := 0
	for {
		n++
		fmt.Printf("%d line %d\n", os.Getpid(), n)
		select {
		case <-term:
			fmt.Printf("%d last %d\n", os.Getpid(), n)
			os.Exit(1)
		case <-time.After(pause):
		}
	}
}

// installLines puts the program into the container as /usr/local/bin/lines, and
// makes it the gateway of every profile.
func (c *container) installLines(pause time.Duration) {
	c.t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path("/usr/local/bin/lines"), program, 0o755); err != nil {
		c.t.Fatal(err)
	}
	text := c.mustRun("root", "slotgen", "templates", "show", "--file", "run")
	before, after, found := strings.Cut(text, "set -- ")
	_, after, _ = strings.Cut(after, "\n")
	if !found {
		c.t.Fatal("the run template sets no command")
	}
	c.override("run.tmpl", fmt.Sprintf("%sset -- /usr/local/bin/lines %s\n%s", before, pause, after))
}

// written is what a service's log says of its starts.
type written struct {
	starts, lines int
	unended       []int // process numbers of starts without a last line
}

// checkWritten holds that a log has every line of every start, once and in order,
// and the last one's number in it where a start has ended.
func checkWritten(t *testing.T, name string, lines []string) written {
	t.Helper()
	var w written
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
		w.lines++
	}
	for _, pid := range order {
		if !ended[pid] {
			w.unended = append(w.unended, pid)
		}
	}
	w.starts = len(order)
	return w
}
