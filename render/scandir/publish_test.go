package scandir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
	"slotgen/render"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path, "gateway-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func slot(run string) render.Slot {
	return render.Slot{Service: "gateway-coder", Files: []render.File{
		{Path: "finish", Mode: render.ScriptMode, Data: []byte("#!/bin/sh\n")},
		{Path: "log/run", Mode: render.ScriptMode, Data: []byte("#!/bin/sh\n")},
		{Path: "run", Mode: render.ScriptMode, Data: []byte(run)},
		{Path: "type", Mode: render.DataMode, Data: []byte("longrun\n")},
	}}
}

func owners() Owners { return OwnersFor(AccessGroup, 10000, 10001) }

// publish plans and publishes a slot, and returns the plan.
func publish(t *testing.T, d *Dir, s render.Slot) Plan {
	t.Helper()
	p, err := d.Plan(s, owners())
	if err == nil {
		err = d.Publish(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// names lists the names in a directory.
func names(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSlotIsCreatedKeptOrReplacedWhole(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	run := filepath.Join(path, "gateway-coder")
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Created {
		t.Errorf("change %s, want created", p.Change)
	}
	first := inode(t, run)
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged || inode(t, run) != first {
		t.Errorf("change %s, want unchanged and the same directory", p.Change)
	}
	if p := publish(t, d, slot("#!/bin/dash\n")); p.Change != Updated || inode(t, run) == first {
		t.Errorf("change %s, want updated and another directory", p.Change)
	}
	if diff := cmp.Diff([]string{"gateway-coder"}, names(t, path)); diff != "" {
		t.Errorf("the scandir (-want +got):\n%s", diff)
	}
}

func TestAnyDifferenceReplacesASlot(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to a group")
	tests := map[string]struct {
		do   func(dir string) error
		want Difference
	}{
		"another content":  {func(dir string) error { return os.WriteFile(dir+"/run", []byte("x"), 0o755) }, Difference{Path: "run", What: "content"}},
		"another mode":     {func(dir string) error { return os.Chmod(dir+"/run", 0o700) }, Difference{Path: "run", What: "mode 0700, not 0755"}},
		"a missing file":   {func(dir string) error { return os.Remove(dir + "/finish") }, Difference{Path: "finish", What: "added"}},
		"one file more":    {func(dir string) error { return os.WriteFile(dir+"/down", nil, 0o644) }, Difference{Path: "down", What: "removed"}},
		"a link":           {func(dir string) error { return relink(dir+"/run", "finish") }, Difference{Path: "run", What: "type"}},
		"the slot's mode":  {func(dir string) error { return os.Chmod(dir, 0o700) }, Difference{Path: "", What: "mode 0700, not 0755"}},
		"supervise's mode": {func(dir string) error { return os.Chmod(dir+"/supervise", 0o755) }, Difference{Path: "supervise", What: "mode 0755, not 0710"}},
		"a large file":     {func(dir string) error { return os.Truncate(dir+"/run", 10<<30) }, Difference{Path: "run", What: "content"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			publish(t, d, slot("#!/bin/sh\n"))
			if err := tt.do(filepath.Join(path, "gateway-coder")); err != nil {
				t.Fatal(err)
			}
			p := publish(t, d, slot("#!/bin/sh\n"))
			if diff := cmp.Diff([]Difference{tt.want}, p.Differences, cmpopts.IgnoreFields(Difference{}, "Have", "Want")); p.Change != Updated || diff != "" {
				t.Errorf("change %s, differences (-want +got):\n%s", p.Change, diff)
			}
			if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
				t.Errorf("afterwards %s: %v", p.Change, p.Differences)
			}
		})
	}
}

// A slot may hold every file that a template may make.
func TestDeepestFileThatATemplateMakesIsPublishedAgain(t *testing.T) {
	d := open(t, t.TempDir())
	deepest := func(text string) render.Slot {
		return withFiles(slot("#!/bin/sh\n"), data("data/2/3/4/5/6/7/8/file", text))
	}
	for _, tt := range []struct {
		text string
		want Change
	}{{"a", Created}, {"a", Unchanged}, {"b", Updated}} {
		if p := publish(t, d, deepest(tt.text)); p.Change != tt.want {
			t.Errorf("with %q: %s, want %s", tt.text, p.Change, tt.want)
		}
	}
}

func relink(path, target string) error {
	return errors.Join(os.Remove(path), os.Symlink(target, path))
}

func TestFilesOfS6InASlotDoNotCount(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to a group")
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, slot("#!/bin/sh\n"))
	dir := filepath.Join(path, "gateway-coder")
	write(t, dir+"/supervise/status", "x")
	write(t, dir+"/log/supervise/death_tally", "x")
	if err := unix.Mkdir(dir+"/event", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(dir+"/event", 0o3730); err != nil {
		t.Fatal(err)
	}
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
		t.Errorf("change %s: %v", p.Change, p.Differences)
	}
}

func TestNameTakenByAFileIsAnErrorAndStays(t *testing.T) {
	for what, take := range map[string]func(path string) error{
		"a file": func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) },
		"a link": func(path string) error { return os.Symlink("/etc", path) },
		"a FIFO": func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			path := t.TempDir()
			if err := take(filepath.Join(path, "gateway-coder")); err != nil {
				t.Fatal(err)
			}
			before := inode(t, filepath.Join(path, "gateway-coder"))
			_, err := open(t, path).Plan(slot("#!/bin/sh\n"), owners())
			if !errors.Is(err, errTaken) || inode(t, filepath.Join(path, "gateway-coder")) != before {
				t.Errorf("error %v, want %v", err, errTaken)
			}
		})
	}
}

func TestSlotThatHoldsTooMuchIsAnError(t *testing.T) {
	path := testenv.MemDir(t)
	dir := filepath.Join(path, "gateway-coder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range maxNodes + 1 {
		write(t, filepath.Join(dir, strconv.Itoa(i)), "")
	}
	_, err := open(t, path).Plan(slot("#!/bin/sh\n"), owners())
	const want = `comparing slot "gateway-coder": reading ".": more than a service directory holds`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestModesDoNotDependOnUmaskOrOnTheScandir(t *testing.T) {
	testenv.NeedRoot(t, "gives a slot to a group")
	plain, odd := t.TempDir(), t.TempDir()
	publish(t, open(t, plain), slot("#!/bin/sh\n"))
	if err := unix.Chown(odd, -1, 4242); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(odd, 0o2755); err != nil {
		t.Fatal(err)
	}
	defer unix.Umask(unix.Umask(0o777))
	d := open(t, odd)
	publish(t, d, slot("#!/bin/sh\n"))
	if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != Unchanged {
		t.Errorf("not as designed: %v", p.Differences)
	}
}

func TestLeftoversOfKilledPassesAreCleared(t *testing.T) {
	tests := []struct {
		name  string
		age   time.Duration
		taken bool // gateway-a exists
		want  []string
	}{
		{".gateway-a.new", 0, false, []string{}},
		{".gateway-a.new", 0, true, []string{"gateway-a"}},
		{".gateway-a.old", 0, false, []string{"gateway-a"}},
		{".gateway-a.old", 0, true, []string{"gateway-a"}},
		{".gateway-gone.old", 0, false, []string{}},
		{".gateway-a.tmp", 30 * time.Second, false, []string{".gateway-a.tmp"}},
		{".gateway-a.tmp", 90 * time.Second, false, []string{}},
		{"gateway-a.tmp", 0, false, []string{}},
		{"gateway-b", 0, false, []string{"gateway-b"}},
		{".other.new", 0, false, []string{".other.new"}},
		{"s6rc-fdholder", 0, false, []string{"s6rc-fdholder"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			write(t, filepath.Join(path, tt.name, "run"), "left")
			write(t, filepath.Join(path, tt.name, "type"), "longrun\n")
			stamp := time.Now().Add(-tt.age)
			if err := os.Chtimes(filepath.Join(path, tt.name), stamp, stamp); err != nil {
				t.Fatal(err)
			}
			if tt.taken {
				write(t, filepath.Join(path, "gateway-a", "run"), "stands")
			}
			warnings := cleared(open(t, path), func(service string) bool { return service == "gateway-a" })
			if diff := cmp.Diff(tt.want, names(t, path)); diff != "" || len(warnings) > 0 {
				t.Errorf("warnings %q, left (-want +got):\n%s", warnings, diff)
			}
			if text, _ := os.ReadFile(filepath.Join(path, "gateway-a", "run")); tt.taken && string(text) != "stands" {
				t.Error("what stood was replaced")
			}
		})
	}
}

func TestMakeGivesAMissingScandirItsMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	path := filepath.Join(t.TempDir(), "run", "service")
	if err := Make(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeDir|0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
