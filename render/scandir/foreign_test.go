package scandir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Nothing changes a directory that has a slot's name and was not made by slotgen, live or not.
func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	for what, put := range map[string]func(dir string) error{
		"an empty directory": func(string) error { return nil },
		"what s6-supervise makes": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/supervise", 0o700), os.Mkdir(dir+"/event", 0o700))
		},
		"a service that is no slot": func(dir string) error { return os.WriteFile(dir+"/run", []byte("#!/bin/sh\n"), 0o755) },
		"type is a link":            func(dir string) error { return os.Symlink("/etc/passwd", dir+"/type") },
		"type is a directory":       func(dir string) error { return os.Mkdir(dir+"/type", 0o755) },
		"type is a FIFO":            func(dir string) error { return unix.Mkfifo(dir+"/type", 0o600) },
		"only its logger has a type": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/log", 0o755), os.WriteFile(dir+"/log/type", nil, 0o644))
		},
		"only its data/ holds a type": func(dir string) error {
			return errors.Join(os.Mkdir(dir+"/data", 0o755), os.WriteFile(dir+"/data/type", nil, 0o644))
		},
		"a staged file that is a type": func(dir string) error { return os.WriteFile(dir+"/.type1234567890", nil, 0o644) },
	} {
		for _, live := range []bool{false, true} {
			t.Run(what, func(t *testing.T) {
				path := t.TempDir()
				d, dir := open(t, path), filepath.Join(path, "gateway-coder")
				if err := errors.Join(os.Mkdir(dir, 0o755), put(dir)); err != nil {
					t.Fatal(err)
				}
				if live {
					write(t, filepath.Join(dir, "supervise/lock"), "")
					hold(t, filepath.Join(dir, "supervise/lock"))
				}
				before := stamps(t, path)
				if is, err := d.IsSlot("gateway-coder"); is || err != nil {
					t.Errorf("it counts as a slot: %v, %v", is, err)
				}
				p, err := d.Plan(slot("#!/bin/sh\n"), owners())
				if !errors.Is(err, errForeign) || p.Change != None {
					t.Errorf("change %s, error %v; want none, and that slotgen did not make it", p.Change, err)
				}
				if added, err := d.HoldDown("gateway-coder", owners()); added || err != nil {
					t.Errorf("it was held down: %v, %v", added, err)
				}
				if diff := cmp.Diff(before, stamps(t, path)); diff != "" {
					t.Errorf("(-before +after):\n%s", diff)
				}
			})
		}
	}
}
