package scandir

import (
	"os"
	"path/filepath"
	"testing"

	"slotgen/internal/testenv"

	"golang.org/x/sys/unix"
)

// What the quick look says has to be what the close one says.
func TestQuickLookAtASlotOnTmpfsMissesNothing(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to others")
	down := withFiles(slot("#!/bin/sh\n"), data("down", ""), data("env/KEY", "value"))
	changes := map[string]func(dir string) error{
		"nothing":                  func(string) error { return nil },
		"another content":          func(dir string) error { return os.WriteFile(dir+"/run", []byte("#!/bin/xx\n"), 0o755) },
		"a shorter file":           func(dir string) error { return os.Truncate(dir+"/run", 3) },
		"a longer file":            func(dir string) error { return os.Truncate(dir+"/run", 3000) },
		"a file that was empty":    func(dir string) error { return os.WriteFile(dir+"/down", []byte("x"), 0o644) },
		"a mode":                   func(dir string) error { return os.Chmod(dir+"/log/run", 0o700) },
		"an owner":                 func(dir string) error { return os.Lchown(dir+"/finish", 1, 0) },
		"the slot's own mode":      func(dir string) error { return os.Chmod(dir, 0o711) },
		"a mode of log":            func(dir string) error { return os.Chmod(dir+"/log", 0o700) },
		"the group of supervise":   func(dir string) error { return os.Lchown(dir+"/supervise", 0, 5) },
		"a file that is gone":      func(dir string) error { return os.Remove(dir + "/down") },
		"one file more":            func(dir string) error { return os.WriteFile(dir+"/notes", nil, 0o644) },
		"one file more in log":     func(dir string) error { return os.WriteFile(dir+"/log/down", nil, 0o644) },
		"one file more in env":     func(dir string) error { return os.WriteFile(dir+"/env/MORE", nil, 0o644) },
		"one directory more":       func(dir string) error { return os.Mkdir(dir+"/data", 0o755) },
		"a link instead of a file": func(dir string) error { return relink(dir+"/run", "finish") },
		"one gone and another more": func(dir string) error {
			return os.Rename(dir+"/down", dir+"/notes")
		},
		"a FIFO instead of a file": func(dir string) error {
			if err := os.Remove(dir + "/down"); err != nil {
				return err
			}
			return unix.Mkfifo(dir+"/down", 0o644)
		},
		"event as s6 makes it": func(dir string) error { return mkdirMode(dir+"/event", 0o3730) },
		"event of another mode": func(dir string) error {
			return mkdirMode(dir+"/event", 0o777)
		},
		"what s6 keeps in supervise": func(dir string) error { return os.WriteFile(dir+"/supervise/status", nil, 0o644) },
	}
	same := []string{"nothing", "event as s6 makes it", "what s6 keeps in supervise"}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			var quick, listed Change
			for on, change2 := range map[string]*Change{testenv.MemDir(t): &quick, t.TempDir(): &listed} {
				d := open(t, on)
				publish(t, d, down)
				if err := change(filepath.Join(on, "gateway-coder")); err != nil {
					t.Fatal(err)
				}
				d.onTmpfs = change2 == &quick
				p, err := d.Plan(down, owners())
				if err != nil {
					t.Fatal(err)
				}
				*change2 = p.Change
			}
			want := Updated
			for _, s := range same {
				if s == name {
					want = Unchanged
				}
			}
			if quick != want || listed != want {
				t.Errorf("the quick look says %s, the close one %s; want %s", quick, listed, want)
			}
		})
	}
}

func mkdirMode(path string, mode uint32) error {
	if err := unix.Mkdir(path, 0o700); err != nil {
		return err
	}
	return unix.Chmod(path, mode)
}

// The quick look has to be taken at all: every slot as published passes it.
func TestPublishedSlotOnTmpfsPassesTheQuickLook(t *testing.T) {
	path := testenv.MemDir(t)
	d := open(t, path)
	testenv.Need(t, d.onTmpfs, "needs a tmpfs at /dev/shm")
	publish(t, d, slot("#!/bin/sh\n"))
	fd, err := d.openSlot("gateway-coder")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	want := tree(slot("#!/bin/sh\n"), owners())
	g := glance{fd: fd}
	if !g.isAsWanted(want) || g.mayBeHeld {
		t.Error("it does not, or is taken for one that may have a supervisor")
	}
}

func TestQuickLookSeesALockThatIsHeld(t *testing.T) {
	for _, lock := range []string{"supervise/lock", "log/supervise/lock"} {
		path := testenv.MemDir(t)
		d := open(t, path)
		publish(t, d, slot("#!/bin/sh\n"))
		release := hold(t, filepath.Join(path, "gateway-coder", lock))
		if p, err := d.Plan(slot("#!/bin/sh\n"), owners()); err != nil || !p.Live || p.Change != Unchanged {
			t.Errorf("%s is held: live %v, change %s, %v", lock, p.Live, p.Change, err)
		}
		release()
		if p, err := d.Plan(slot("#!/bin/sh\n"), owners()); err != nil || p.Live {
			t.Errorf("%s is free: live %v, %v", lock, p.Live, err)
		}
	}
}
