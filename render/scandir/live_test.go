package scandir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// holdVar names the file that the test binary locks by fcntl, as s6-supervise does. Another
// process has to hold the lock, because a process does not see its own.
const holdVar = "SLOTGEN_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(holdVar)
	if path == "" {
		os.Exit(m.Run())
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT, 0o644)
	if err == nil {
		err = unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	}
	if err != nil {
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = io.ReadAll(os.Stdin)
}

// hold starts a process that locks path until the returned function is called.
func hold(t *testing.T, path string) func() {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVar+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the lock was not had: %v", err)
	}
	release := func() { _, _ = stdin.Close(), cmd.Wait() }
	t.Cleanup(release)
	return release
}

func TestSlotIsLiveWhileASupervisorHoldsItOrItsLogger(t *testing.T) {
	for _, lock := range []string{"supervise/lock", "log/supervise/lock"} {
		t.Run(lock, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			before := inode(t, filepath.Join(path, "gateway-coder"))
			release := hold(t, filepath.Join(path, "gateway-coder", lock))
			p := publish(t, d, slot("#!/bin/dash\n"))
			if !p.Live || p.Change != Updated || inode(t, filepath.Join(path, "gateway-coder")) != before {
				t.Errorf("live %v, change %s; want live and updated in its place", p.Live, p.Change)
			}
			release()
			if p := publish(t, d, slot("#!/bin/sh\n")); p.Live || p.Change != Updated || inode(t, filepath.Join(path, "gateway-coder")) == before {
				t.Errorf("live %v, change %s; want exchanged once the supervisor is gone", p.Live, p.Change)
			}
		})
	}
}

func TestSlotIsSupervisedWhenItsLoggerIsToo(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	missing := func() []string { return d.WaitSupervised([]string{"gateway-coder"}, 0) }
	defer hold(t, filepath.Join(path, "gateway-coder/supervise/lock"))()
	if len(missing()) != 1 {
		t.Error("a slot is supervised before its logger is")
	}
	defer hold(t, filepath.Join(path, "gateway-coder/log/supervise/lock"))()
	if got := missing(); len(got) > 0 {
		t.Errorf("%q is not supervised though both locks are held", got)
	}
}

func TestLiveSlotIsNotRetired(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	release := hold(t, filepath.Join(path, "gateway-coder/supervise/lock"))
	if err := d.Retire("gateway-coder"); !errors.Is(err, errCameUp) {
		t.Errorf("retiring a live slot: %v", err)
	}
	release()
	if err := d.Retire("gateway-coder"); err != nil || len(names(t, path)) > 0 {
		t.Errorf("retiring: %v, left %q", err, names(t, path))
	}
}

func TestSlotThatBecomesLiveAfterItsPlanIsLeftAlone(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	before := inode(t, filepath.Join(path, "gateway-coder"))
	p, err := d.Plan(slot("#!/bin/dash\n"), owners())
	if err != nil || p.Change != Updated {
		t.Fatalf("change %s, error %v", p.Change, err)
	}
	hold(t, filepath.Join(path, "gateway-coder/supervise/lock"))
	if err := d.Publish(p); err == nil || inode(t, filepath.Join(path, "gateway-coder")) != before {
		t.Errorf("error %v, want one and the slot left as it is", err)
	}
	if got := names(t, path); len(got) != 1 {
		t.Errorf("left over: %q", got)
	}
}

func TestSlotThatAScannerFindsAfterItsPlanIsLeftAlone(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	before := inode(t, filepath.Join(path, "gateway-coder"))
	p, err := d.Plan(slot("#!/bin/dash\n"), owners())
	if err != nil || p.Live || p.Change != Updated {
		t.Fatalf("live %v, change %s, error %v", p.Live, p.Change, err)
	}
	// Open it like s6-svscan. No supervisor holds the slot yet.
	control := filepath.Join(path, ".s6-svscan", "control")
	if err := errors.Join(os.Mkdir(filepath.Dir(control), 0o755), unix.Mkfifo(control, 0o600)); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(control, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := d.Publish(p); !errors.Is(err, errCameUp) || inode(t, filepath.Join(path, "gateway-coder")) != before {
		t.Errorf("error %v, want that a supervisor came up, and the slot left as it is", err)
	}
	if got := names(t, path); len(got) != 2 {
		t.Errorf("left over: %q", got)
	}
}

func TestLiveSlotThatWasExchangedOutIsNeverRemoved(t *testing.T) {
	for _, tt := range []struct{ name, keptAs string }{
		{"the new one stands", "gateway-coder"},
		{"the new one has gone", ".gateway-coder.old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			at := func(name string) string { return filepath.Join(path, name) }
			before := inode(t, at("gateway-coder"))
			hold(t, at("gateway-coder/supervise/lock"))
			if err := os.Rename(at("gateway-coder"), at(".gateway-coder.new")); err != nil {
				t.Fatal(err)
			}
			if tt.keptAs == "gateway-coder" {
				if err := os.Mkdir(at("gateway-coder"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.restoreIfHeld(".gateway-coder.new", "gateway-coder"); !errors.Is(err, errCameUp) {
				t.Errorf("error %v, want that a supervisor came up", err)
			}
			clearAll(d, func(string) bool { return true })
			if inode(t, at(tt.keptAs)) != before {
				t.Errorf("it does not stand as %s", tt.keptAs)
			}
		})
	}
}

func TestVisibleSlotIsLiveWhileAScannerListens(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	control := filepath.Join(path, ".s6-svscan", "control")
	if err := os.Mkdir(filepath.Dir(control), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(control, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Rescan(); err != ErrNoScanner { //nolint:errorlint // the very value is promised
		t.Errorf("rescan without a reader: %v", err)
	}
	if p := publish(t, d, slot("#!/bin/sh\n# 2\n")); p.Live || p.Change != Updated {
		t.Errorf("a FIFO that nobody reads makes the slot live: %+v", p)
	}
	fd, err := unix.Open(control, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	before := inode(t, filepath.Join(path, "gateway-coder"))
	if p := publish(t, open(t, path), slot("#!/bin/sh\n# 3\n")); !p.Live || inode(t, filepath.Join(path, "gateway-coder")) != before {
		t.Errorf("live %v; want live and its directory in its place", p.Live)
	}
	if err := d.Rescan(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	if n, err := unix.Read(fd, buf); err != nil || string(buf[:n]) != "a" {
		t.Errorf("s6-svscan was told %q, %v; want a", buf[:n], err)
	}
}

func TestOddLockOrControlIsAnErrorAndNeverBlocks(t *testing.T) {
	t.Run("lock is a FIFO", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		publish(t, d, slot("#!/bin/sh\n"))
		if err := unix.Mkfifo(filepath.Join(path, "gateway-coder/supervise/lock"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Plan(slot("#!/bin/sh\n"), owners()); err == nil {
			t.Error("no error")
		}
	})
	t.Run("control is a file", func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		publish(t, d, slot("#!/bin/sh\n"))
		write(t, filepath.Join(path, ".s6-svscan/control"), "")
		if _, err := d.Plan(slot("#!/bin/sh\n"), owners()); err == nil {
			t.Error("no error")
		}
		if text, _ := os.ReadFile(filepath.Join(path, ".s6-svscan/control")); len(text) > 0 {
			t.Error("it was written to")
		}
	})
}
