package harness

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// linesMain is the program lines, a service that costs less than a shell script. It writes
// "PID line N" until it gets TERM, then "PID last N".
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

// InstallLines installs the program lines in the container as /usr/local/bin/lines and makes it
// the gateway of every profile.
func (c *Container) InstallLines(pause time.Duration) {
	c.T.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		c.T.Fatal(err)
	}
	if err := os.WriteFile(c.Path("/usr/local/bin/lines"), program, 0o755); err != nil {
		c.T.Fatal(err)
	}
	text := c.MustRun("root", "slotgen", "templates", "show", "--file", "run")
	before, after, found := strings.Cut(text, "set -- ")
	_, after, _ = strings.Cut(after, "\n")
	if !found {
		c.T.Fatal("the run template sets no command")
	}
	c.Override("run.tmpl", fmt.Sprintf("%sset -- /usr/local/bin/lines %s\n%s", before, pause, after))
}
