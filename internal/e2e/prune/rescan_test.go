package prune

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"slotgen/internal/e2e/harness"
)

// A pass must not exchange a slot that s6-svscan was asked to start, even while it has no
// supervisor. Its service would end up in a deleted directory.
func TestContainerPassRightAfterARescanRunsNoServiceTwice(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Override("run.tmpl", "#!/bin/sh\nexport GREETING={{ range .Env }}{{ shquote .Value }}{{ end }}\nexec sleep 100000\n")
		c.Override("log/run.tmpl", "#!/bin/sh\nexec cat >/dev/null\n")
		c.Boot()
		const rounds, batch = 4, 30
		for delay := range rounds {
			// The batch is so large that s6-svscan is still busy when the second pass comes.
			for i := range batch {
				c.Profile(fmt.Sprintf("p%d-%d", delay, i), harness.Running)
			}
			c.MustRun("root", "sh", "-ec", fmt.Sprintf(
				"slotgen reconcile --rescan >/dev/null; sleep 0.00%d; slotgen reconcile --rescan --env ROUND=%d", delay, delay))
		}
		for i := range rounds * batch {
			slot := fmt.Sprintf("gateway-p%d-%d", i/batch, i%batch)
			c.WaitUp(slot, slot+"/log")
		}
		// After another rescan, s6-svscan has started every service that it would start twice.
		c.Rescan()
		supervisors := c.Supervisors()
		if want := 2*(rounds*batch+1) + 1; len(supervisors) != want {
			t.Errorf("%d services are supervised, want %d", len(supervisors), want)
		}
		for service, n := range supervisors {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		if lost := c.InDeletedDirs(); len(lost) > 0 {
			t.Errorf("%d processes in deleted directories, %+v first", len(lost), lost[0])
		}
	})
}

func TestContainerRescanNeedsNoProgramOfS6(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("coder", harness.Running)
		c.MustRun("root", "env", "-i", "PATH=/nonexistent", "/usr/local/bin/slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.WaitUp("gateway-coder")
	})
}

func TestRescanIsAskedForOnceAfterTheLastSlot(t *testing.T) {
	home, service := harness.UsersDir(t), t.TempDir()
	const profiles = 50
	for i := range profiles {
		dir := filepath.Join(home, "profiles", fmt.Sprintf("p%d", i))
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "SOUL.md"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	control := filepath.Join(service, ".s6-svscan/control")
	if err := errors.Join(os.Mkdir(filepath.Dir(control), 0o700), syscall.Mkfifo(control, 0o600)); err != nil {
		t.Fatal(err)
	}
	// The test opens the pipe for reading and writing. Otherwise a program that opens and closes
	// it, to see whether it has a reader, would cause an end of file.
	scanner, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	seen := make(chan int, 10)
	go func() {
		defer close(seen)
		for buf := make([]byte, 1); ; {
			if _, err := scanner.Read(buf); err != nil || buf[0] != 'a' {
				return
			}
			slots, _ := filepath.Glob(filepath.Join(service, "gateway-*")) // the pattern is valid
			seen <- len(slots)
		}
	}()
	cmd := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "10000:10000", "--proc", t.TempDir(), "--rescan")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := <-seen; n != profiles+1 {
		t.Errorf("a rescan was asked for with %d of %d slots", n, profiles+1)
	}
	// The pipe delivers slotgen's own bytes before this one.
	if _, err := scanner.WriteString("."); err != nil {
		t.Fatal(err)
	}
	if n, again := <-seen; again {
		t.Errorf("and again with %d", n)
	}
}

func TestContainerWaitNamesTheSlotsThatNeverCameUp(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		c.Profile("coder", harness.Stopped)
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.Profile("late", harness.Running)
		c.Profile("later", harness.Stopped)
		got := c.Run("root", "slotgen", "reconcile", "--wait", "200ms")
		if want := "slotgen: error: slot \"gateway-late\" has no supervisor after 200ms\n" +
			"slotgen: error: slot \"gateway-later\" has no supervisor after 200ms\n" +
			"slotgen: hint: --rescan makes s6-svscan look for new slots\n"; got.Code != 1 || !strings.HasPrefix(got.Stderr, want) {
			t.Errorf("exit code %d, stderr:\n%s\nwant %q", got.Code, got.Stderr, want)
		}
		waiting := c.Spawn("root", "slotgen", "reconcile", "--wait", "10m")
		c.WaitFor("the first pass to wait", func() bool { return harness.ReadText(t, waiting.Stdout) != "" })
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		if got := waiting.Wait(); got.Code != 0 {
			t.Errorf("the pass that waited ended with %d:\n%s", got.Code, got.Stderr)
		}
	})
}
