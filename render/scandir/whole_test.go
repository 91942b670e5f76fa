package scandir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
	"slotgen/render"
)

// stamps lists everything below a directory. Any change alters the list.
func stamps(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s inode %d mode %o owner %d:%d size %d changed %d.%09d",
			path, st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Ctim.Sec, st.Ctim.Nsec))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// awaitAnotherTime waits until the file system gives a change a new time.
func awaitAnotherTime(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "")
	before := stamps(t, path)
	testenv.WaitFor(t, "another time", func() bool {
		write(t, path, "")
		return !slices.Equal(before, stamps(t, path))
	})
}

func TestEqualSlotIsNotTouchedAtAll(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	before := stamps(t, path)
	awaitAnotherTime(t)
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
		t.Errorf("change %s: %v", p.Change, p.Differences)
	}
	if diff := cmp.Diff(before, stamps(t, path)); diff != "" {
		t.Errorf("an unchanged slot was touched (-before +after):\n%s", diff)
	}
}

// Plan works without the lock: another pass may replace the slot at any instant.
func TestPlanBesideAPassFindsOneSlotWhole(t *testing.T) {
	for name, where := range map[string]struct {
		dir   func(t testing.TB) string
		times int
	}{
		"in memory": {testenv.MemDir, 200},
		"elsewhere": {testing.TB.TempDir, 50},
	} {
		t.Run(name, func(t *testing.T) {
			path := where.dir(t)
			writer, reader := open(t, path), open(t, path)
			versions := []render.Slot{slot("#!/bin/sh\n# one\n"), slot("#!/bin/sh\n# two\n")}
			publish(t, writer, versions[0])
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range where.times {
					p, err := writer.Plan(versions[i%2], owners())
					if err == nil {
						err = writer.Publish(p)
					}
					if err != nil {
						t.Errorf("publishing: %v", err)
						return
					}
				}
			}()
			for looks := 0; ; looks++ {
				p, err := reader.Plan(versions[0], owners())
				if err != nil || len(p.Differences) > 1 || p.Change == Created {
					t.Errorf("look %d: %s %v, error %v", looks, p.Change, p.Differences, err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
}

func TestPlanTouchesNothing(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	before := stamps(t, path)
	awaitAnotherTime(t)
	other := slot("#!/bin/dash\n")
	for _, service := range []string{"gateway-coder", "gateway-writer"} {
		other.Service = service
		if _, err := d.Plan(other, owners()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, stamps(t, path)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestEveryChangeOfOwnerReplacesASlot(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to others")
	for what, o := range map[string]Owners{
		"another group":                     OwnersFor(AccessGroup, 10000, 10002),
		"events instead of group":           OwnersFor(AccessEvents, 10000, 10001),
		"owner instead of group":            OwnersFor(AccessOwner, 10000, 10001),
		"root instead of group":             OwnersFor(AccessRoot, 10000, 10001),
		"another user in the owner form":    OwnersFor(AccessOwner, 10002, 10001),
		"another group in the events form":  OwnersFor(AccessEvents, 10000, 10002),
		"another user and group, by itself": OwnersFor(AccessOwner, 1, 2),
	} {
		t.Run(what, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			for _, want := range []Change{Updated, Unchanged} {
				p, err := d.Plan(slot("#!/bin/sh\n"), o)
				if err == nil {
					err = d.Publish(p)
				}
				if err != nil || p.Change != want {
					t.Errorf("change %s, %v; want %s", p.Change, err, want)
				}
			}
			if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Updated {
				t.Errorf("back again: change %s, want updated", p.Change)
			}
		})
	}
}

// A foreign owner of any part counts as a difference.
func TestForeignOwnerReplacesASlot(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to others")
	for _, name := range []string{"", "run", "log", "log/run", "supervise", "log/supervise"} {
		t.Run("slot/"+name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			if err := os.Lchown(filepath.Join(path, "gateway-coder", name), 4242, -1); err != nil {
				t.Fatal(err)
			}
			if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Updated {
				t.Errorf("change %s, want updated", p.Change)
			}
		})
	}
}

func TestNameThatIsTakenMeanwhileIsAnErrorAndStays(t *testing.T) {
	for what, take := range map[string]func(path string) error{
		"an empty directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"a full directory":   func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) },
		"a file":             func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) },
		"a link":             func(path string) error { return os.Symlink("nowhere", path) },
	} {
		t.Run(what, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			p, err := d.Plan(slot("#!/bin/sh\n"), owners())
			if err == nil {
				err = take(filepath.Join(path, "gateway-coder"))
			}
			if err != nil {
				t.Fatal(err)
			}
			before := stamps(t, filepath.Join(path, "gateway-coder"))
			if err := d.Publish(p); err == nil {
				t.Error("no error")
			}
			if diff := cmp.Diff(before, stamps(t, filepath.Join(path, "gateway-coder"))); diff != "" {
				t.Errorf("(-before +after):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"gateway-coder"}, names(t, path)); diff != "" {
				t.Errorf("the scandir (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailedPublishLeavesThePreviousSlot(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	before := stamps(t, filepath.Join(path, "gateway-coder"))
	bad := slot("#!/bin/dash\n")
	bad.Files = append(bad.Files, render.File{Path: strings.Repeat("x", 300), Mode: render.DataMode})
	p, err := d.Plan(bad, owners())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(p); err == nil || !strings.Contains(err.Error(), "gateway-coder") {
		t.Errorf("error %v, want one that names the slot", err)
	}
	if diff := cmp.Diff(before, stamps(t, filepath.Join(path, "gateway-coder"))); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"gateway-coder"}, names(t, path)); diff != "" {
		t.Errorf("the scandir (-want +got):\n%s", diff)
	}
}

func TestStagedLeftoverDoesNotPreventPublishing(t *testing.T) {
	path := t.TempDir()
	write(t, filepath.Join(path, ".gateway-coder.new", "stray", "file"), "of a killed pass")
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	if _, err := os.Lstat(filepath.Join(path, "gateway-coder", "stray")); err == nil {
		t.Error("the new slot holds what a killed pass left")
	}
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
		t.Errorf("change %s: %v", p.Change, p.Differences)
	}
}

func TestOneSlotIsPublishedWithoutTouchingAnother(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	write(t, filepath.Join(path, "s6rc-fdholder", "run"), "#!/bin/sh\n")
	before := append(stamps(t, filepath.Join(path, "gateway-coder")), stamps(t, filepath.Join(path, "s6rc-fdholder"))...)
	for _, run := range []string{"#!/bin/sh\n", "#!/bin/dash\n"} {
		other := slot(run)
		other.Service = "gateway-coder-2"
		publish(t, d, other)
	}
	after := append(stamps(t, filepath.Join(path, "gateway-coder")), stamps(t, filepath.Join(path, "s6rc-fdholder"))...)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestScandirThatIsNoDirectoryIsAnErrorAndNeverBlocks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"missing", "file", "fifo"} {
		d, err := Open(filepath.Join(dir, name), "gateway-")
		if err == nil {
			t.Errorf("%s: no error", name)
			_ = d.Close()
		}
	}
}
