package scandir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Replacing a slot removes everything that s6 or a user put into it, but nothing outside it
// that a link leads to.
func TestReplacedSlotIsRemovedWithItsContents(t *testing.T) {
	other := t.TempDir()
	tests := map[string]func(slot string) error{
		"a tree":               func(slot string) error { return os.MkdirAll(filepath.Join(slot, "data/a/b"), 0o755) },
		"a FIFO":               func(slot string) error { return unix.Mkfifo(filepath.Join(slot, "log/pipe"), 0o600) },
		"what s6 keeps":        func(slot string) error { return os.WriteFile(filepath.Join(slot, "supervise/status"), nil, 0o600) },
		"what the logger's is": func(slot string) error { return os.WriteFile(filepath.Join(slot, "log/supervise/lock"), nil, 0o600) },
		"a link":               func(slot string) error { return os.Symlink(other, filepath.Join(slot, "data")) },
		"a link for log":       func(slot string) error { return inPlaceOf(filepath.Join(slot, "log"), other) },
		"a link for supervise": func(slot string) error { return inPlaceOf(filepath.Join(slot, "supervise"), other) },
	}
	for what, put := range tests {
		t.Run(what, func(t *testing.T) {
			precious := []string{"control", "lock", "run"}
			for _, name := range precious {
				write(t, filepath.Join(other, name), "")
			}
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			if err := put(filepath.Join(path, "gateway-coder")); err != nil {
				t.Fatal(err)
			}
			changed := slot("#!/bin/dash\n")
			if p := publish(t, d, changed); p.Change != Updated {
				t.Errorf("change %s, want updated", p.Change)
			}
			if diff := cmp.Diff([]string{"gateway-coder"}, names(t, path)); diff != "" {
				t.Errorf("the scandir (-want +got):\n%s", diff)
			}
			if p, err := d.Plan(changed, owners()); err != nil || p.Change != Unchanged {
				t.Errorf("change %s afterwards, %v", p.Change, err)
			}
			if diff := cmp.Diff(precious, names(t, other)); diff != "" {
				t.Errorf("what the link leads to (-want +got):\n%s", diff)
			}
		})
	}
}

// inPlaceOf replaces a directory by a link to target.
func inPlaceOf(dir, target string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Symlink(target, dir)
}
