package scandir

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

func TestComparingASlotMissesNothing(t *testing.T) {
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
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, down)
			if err := change(filepath.Join(path, "gateway-coder")); err != nil {
				t.Fatal(err)
			}
			want := Updated
			if slices.Contains(same, name) {
				want = Unchanged
			}
			p, err := d.Plan(down, owners())
			if err != nil || p.Change != want {
				t.Errorf("%s, want %s; error %v", p.Change, want, err)
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

func TestEqualSlotIsLiveWhileALockIsHeld(t *testing.T) {
	for _, lock := range []string{"supervise/lock", "log/supervise/lock"} {
		path := t.TempDir()
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
