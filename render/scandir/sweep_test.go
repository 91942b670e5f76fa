package scandir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// clearAll clears the leftovers that need no prune. It returns the names that need one, and
// warnings.
func clearAll(d *Dir, keep func(service string) bool) (prune, warnings []string) {
	leftovers, err := d.Leftovers(keep)
	if err != nil {
		warnings = strings.Split(err.Error(), "\n")
	}
	prune = d.Clear(leftovers, func(name string, err error) {
		warnings = append(warnings, d.LeftoverError(name, err).Error())
	})
	return prune, warnings
}

// cleared clears all leftovers, and returns all warnings.
func cleared(d *Dir, keep func(service string) bool) []string {
	leftovers, warnings := clearAll(d, keep)
	for name, err := range d.Prune(context.Background(), leftovers) {
		if !errors.Is(err, ErrDraining) {
			warnings = append(warnings, d.LeftoverError(name, err).Error())
		}
	}
	return warnings
}

func sweep(t *testing.T, path string) []string {
	t.Helper()
	return cleared(open(t, path), func(service string) bool { return service == "gateway-a" })
}

// The holder of the lock is no s6-supervise: it reads no commands.
func TestLeftoverThatASupervisorHoldsStaysHiddenWithAWarning(t *testing.T) {
	for name, hidden := range map[string]string{
		".gateway-gone.old": ".gateway-gone.old", ".gateway-a.old": ".gateway-a.old", "gateway-a.tmp": ".gateway-a.tmp.old",
	} {
		for _, lock := range []string{"supervise/lock", "log/supervise/lock"} {
			t.Run(name+"/"+lock, inBubble(func(t *testing.T) {
				path := t.TempDir()
				write(t, filepath.Join(path, name, lock), "")
				write(t, filepath.Join(path, name, "type"), "longrun\n")
				release := hold(t, filepath.Join(path, name, lock))
				warnings := sweep(t, path)
				if len(warnings) != 1 || !strings.Contains(warnings[0], name) {
					t.Errorf("warnings %q, want one about %s", warnings, name)
				}
				if diff := cmp.Diff([]string{hidden}, names(t, path)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				release()
				want := []string{}
				if name == ".gateway-a.old" {
					want = []string{"gateway-a"}
				}
				if warnings := sweep(t, path); len(warnings) > 0 || !slices.Equal(names(t, path), want) {
					t.Errorf("once it is free: warnings %q, left %q", warnings, names(t, path))
				}
			}))
		}
	}
}

func TestLeftoverThatIsALinkIsRemovedAndNotFollowed(t *testing.T) {
	for _, name := range []string{".gateway-a.new", ".gateway-gone.new"} {
		t.Run(name, func(t *testing.T) {
			path, other := t.TempDir(), t.TempDir()
			write(t, filepath.Join(other, "precious"), "")
			if err := os.Symlink(other, filepath.Join(path, name)); err != nil {
				t.Fatal(err)
			}
			if warnings := sweep(t, path); len(warnings) > 0 || len(names(t, path)) > 0 {
				t.Errorf("warnings %q, left %q", warnings, names(t, path))
			}
			if diff := cmp.Diff([]string{"precious"}, names(t, other)); diff != "" {
				t.Errorf("the link's target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLeftoverHoldingALinkDoesNotLeadOut(t *testing.T) {
	path, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(other, "precious"), "")
	write(t, filepath.Join(path, ".gateway-a.new", "run"), "")
	if err := os.Symlink(other, filepath.Join(path, ".gateway-a.new", "data")); err != nil {
		t.Fatal(err)
	}
	if warnings := sweep(t, path); len(warnings) > 0 || len(names(t, path)) > 0 {
		t.Errorf("warnings %q, left %q", warnings, names(t, path))
	}
	if diff := cmp.Diff([]string{"precious"}, names(t, other)); diff != "" {
		t.Errorf("the link's target (-want +got):\n%s", diff)
	}
}

func TestHiddenSlotNeverReplacesATakenName(t *testing.T) {
	for what, take := range map[string]func(path string) error{
		"an empty directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"a file":             func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a link":             func(path string) error { return os.Symlink("nowhere", path) },
	} {
		t.Run(what, func(t *testing.T) {
			path := t.TempDir()
			write(t, filepath.Join(path, ".gateway-a.old", "type"), "longrun\n")
			if err := take(filepath.Join(path, "gateway-a")); err != nil {
				t.Fatal(err)
			}
			before := inode(t, filepath.Join(path, "gateway-a"))
			if warnings := sweep(t, path); len(warnings) > 0 {
				t.Errorf("warnings %q", warnings)
			}
			if diff := cmp.Diff([]string{"gateway-a"}, names(t, path)); diff != "" || inode(t, filepath.Join(path, "gateway-a")) != before {
				t.Errorf("what stood was replaced, or the leftover stays (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHiddenSlotIsRestoredWhole(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	if err := os.Rename(filepath.Join(path, "gateway-coder"), filepath.Join(path, ".gateway-coder.old")); err != nil {
		t.Fatal(err)
	}
	before := inode(t, filepath.Join(path, ".gateway-coder.old"))
	if w := cleared(d, func(string) bool { return true }); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	if inode(t, filepath.Join(path, "gateway-coder")) != before {
		t.Error("it is another directory")
	}
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
		t.Errorf("change %s: %v", p.Change, p.Differences)
	}
}

// A kill may leave a hidden slot half removed. With its name back it would count as somebody
// else's directory.
func TestHiddenSlotWithoutItsMarkIsRemoved(t *testing.T) {
	path := t.TempDir()
	write(t, filepath.Join(path, ".gateway-a.old", "run"), "half")
	if warnings := sweep(t, path); len(warnings) > 0 || len(names(t, path)) > 0 {
		t.Errorf("warnings %q, left %q", warnings, names(t, path))
	}
}

func TestSweepOfAnOddLockNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		write(t, filepath.Join(path, ".gateway-gone.old", "supervise", "status"), "")
		if err := unix.Mkfifo(filepath.Join(path, ".gateway-gone.old", "supervise", "lock"), 0o644); err != nil {
			t.Fatal(err)
		}
		if warnings := sweep(t, path); len(warnings) != 1 {
			t.Errorf("warnings %q, want one", warnings)
		}
	})
}

func TestSweepWithNothingLeftTouchesNothing(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	for _, name := range []string{".s6-svscan", ".slotgen.lock", ".gateway", "gateway", "other.tmp", ".gateway-b.tmp"} {
		write(t, filepath.Join(path, name, "x"), "")
	}
	before := stamps(t, path)
	awaitAnotherTime(t)
	if w := cleared(d, func(string) bool { return true }); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	if diff := cmp.Diff(before, stamps(t, path)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestLeftoverThatIsNoDirectoryIsRemoved(t *testing.T) {
	for what, put := range map[string]func(path string) error{
		"a file": func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a link": func(path string) error { return os.Symlink("/etc", path) },
		"a FIFO": func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			path := t.TempDir()
			if err := put(filepath.Join(path, ".gateway-a.old")); err != nil {
				t.Fatal(err)
			}
			if w := sweep(t, path); len(w) > 0 || len(names(t, path)) > 0 {
				t.Errorf("warnings %q, left %q", w, names(t, path))
			}
		})
	}
}

// A prune waits only a second for a slot that an earlier prune gave up.
func TestLeftoverThatWasGivenUpCostsASecond(t *testing.T) {
	path := t.TempDir()
	lock := filepath.Join(path, ".gateway-gone.old/supervise/lock")
	write(t, lock, "")
	hold(t, lock)
	hidden := time.Now().Round(0) // the rename was no later
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(hidden.Add(endLimit + loggerLimit)))
		start := time.Now()
		if w := sweep(t, path); len(w) != 1 {
			t.Errorf("warnings %q, want one", w)
		}
		if took := time.Since(start); took > time.Second+pollEvery {
			t.Errorf("it took %s", took)
		}
	})
}
