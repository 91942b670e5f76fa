package scandir

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

// staged publishes a slot in a new scandir, and stages another one that only has a run file.
// It returns the inode of the published slot.
func staged(t *testing.T) (d *Dir, at func(name string) string, before uint64) {
	t.Helper()
	path := t.TempDir()
	d = open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	write(t, filepath.Join(path, ".gateway-coder.new/run"), "#!/bin/dash\n")
	at = func(name string) string { return filepath.Join(path, name) }
	return d, at, inode(t, at("gateway-coder"))
}

func TestSlotThatTurnsOutLiveGetsItsNameBack(t *testing.T) {
	for name, swap := range map[string]func(d *Dir) error{
		"by an exchange": func(d *Dir) error { return d.swapIn(".gateway-coder.new", "gateway-coder", Updated) },
		"by renames":     func(d *Dir) error { return d.exchangeByRenames(".gateway-coder.new", "gateway-coder") },
	} {
		t.Run(name, func(t *testing.T) {
			d, at, before := staged(t)
			hold(t, at("gateway-coder/supervise/lock"))
			if err := swap(d); !errors.Is(err, errCameUp) {
				t.Errorf("error %v, want that a supervisor came up", err)
			}
			if inode(t, at("gateway-coder")) != before {
				t.Error("the slot lost its name")
			}
		})
	}
}

func TestSlotIsNotReplacedByRenamesWhileAnEarlierOneRunsHidden(t *testing.T) {
	d, at, before := staged(t)
	write(t, at(".gateway-coder.old/run"), "#!/bin/sh\n")
	hidden := inode(t, at(".gateway-coder.old"))
	write(t, at(".gateway-coder.old/supervise/lock"), "")
	hold(t, at(".gateway-coder.old/supervise/lock"))
	err := d.exchangeByRenames(".gateway-coder.new", "gateway-coder")
	if err == nil || !strings.Contains(err.Error(), "still runs in") {
		t.Errorf("error %v, want that an earlier service still runs", err)
	}
	if inode(t, at("gateway-coder")) != before || inode(t, at(".gateway-coder.old")) != hidden {
		t.Error("the slot, or what runs aside, was moved")
	}
}

// A supervisor starts during the exchange, and neither the slot's name nor its hidden name is
// free for it. Then its directory keeps the staged name.
func TestSlotThatTurnsOutLiveIsNotRemovedWhereItCannotGetAName(t *testing.T) {
	testenv.Need(t, runtime.GOARCH == "amd64", "needs amd64: others rename a file by renameat2 too, before the exchange")
	path := t.TempDir()
	publish(t, open(t, path), slot("#!/bin/sh\n"))
	at := func(name string) string { return filepath.Join(path, name) }
	before := inode(t, at("gateway-coder"))
	write(t, at(".gateway-coder.old/run"), "#!/bin/sh\n")
	// strace stops the publisher after the exchange.
	cmd, out := publisher(t, path, "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:signal=STOP:when=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the test looks at the output instead
	}()
	goOn := func() bool {
		select {
		case <-ended:
			return true
		default:
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGCONT)
			return false
		}
	}
	t.Cleanup(func() { testenv.Holds(goOn) })
	testenv.WaitFor(t, "the exchange", func() bool { return inode(t, at("gateway-coder")) != before })
	hold(t, at(".gateway-coder.new/supervise/lock"))
	if err := os.Rename(at("gateway-coder"), at("elsewhere")); err != nil {
		t.Error(err)
	}
	testenv.WaitFor(t, "its end", goOn) // strace stops each thread once
	for _, want := range []error{errCameUp, errStaysHidden} {
		if !strings.Contains(out.String(), want.Error()) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if inode(t, at(".gateway-coder.new")) != before || len(names(t, at(".gateway-coder.new/supervise"))) == 0 {
		t.Error("the directory of a live slot was removed")
	}
}
