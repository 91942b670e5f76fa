package scandir

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/render"
)

// liveSlot publishes a slot and makes it live.
func liveSlot(t *testing.T, s render.Slot) (*Dir, string) {
	t.Helper()
	path := t.TempDir()
	d := open(t, path)
	publish(t, d, s)
	dir := filepath.Join(path, s.Service)
	hold(t, filepath.Join(dir, "supervise/lock"))
	return d, dir
}

func withFiles(s render.Slot, files ...render.File) render.Slot {
	s.Files = append(slices.Clone(s.Files), files...)
	slices.SortFunc(s.Files, func(a, b render.File) int { return strings.Compare(a.Path, b.Path) })
	return s
}

func data(path, text string) render.File {
	return render.File{Path: path, Mode: render.DataMode, Data: []byte(text)}
}

func TestLiveSlotIsMadeAsRenderedFileByFile(t *testing.T) {
	old := withFiles(slot("#!/bin/sh\n"), data("timeout-kill", "1\n"), data("log/notification-fd", "3\n"))
	d, dir := liveSlot(t, old)
	same := inode(t, filepath.Join(dir, "finish"))
	p := publish(t, d, withFiles(slot("#!/bin/dash\n"),
		data("down", ""), data("timeout-finish", "2\n"), data("env/KEY", "value"), data("data/deep/file", "x")))
	if p.Change != Updated || p.Effect != AtNextStart {
		t.Errorf("change %q, effect %q; want updated, at next start", p.Change, p.Effect)
	}
	if inode(t, filepath.Join(dir, "finish")) != same {
		t.Error("a file that is as rendered was replaced")
	}
	want := withFiles(slot("#!/bin/dash\n"),
		data("down", ""), data("timeout-finish", "2\n"), data("env/KEY", "value"), data("data/deep/file", "x"))
	if p := publish(t, d, want); p.Change != Unchanged || p.Effect != AtOnce || len(p.Differences) > 0 {
		t.Errorf("afterwards %s: %v", p.Change, p.Differences)
	}
	for _, gone := range []string{"timeout-kill", "log/notification-fd"} {
		if _, err := os.Lstat(filepath.Join(dir, gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	for path, mode := range map[string]os.FileMode{"run": 0o755, "down": 0o644, "data": 0o755, "data/deep": 0o755, "env/KEY": 0o644} {
		if info, err := os.Lstat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", path, info, err, mode)
		}
	}
}

func TestLiveSlotKeepsForeignFiles(t *testing.T) {
	tests := map[string]string{
		"a name that is no service file": "notes.txt",
		"a file below data":              "data/theirs",
		"a file below env":               "env/THEIRS",
		"what s6 keeps":                  "supervise/status",
		"a file below log/data":          "log/data/theirs",
		"a template directory of s6":     "instances/one",
	}
	for name, kept := range tests {
		t.Run(name, func(t *testing.T) {
			d, dir := liveSlot(t, slot("#!/bin/sh\n"))
			write(t, filepath.Join(dir, kept), "kept")
			for _, run := range []string{"#!/bin/sh\n", "#!/bin/dash\n"} {
				publish(t, d, slot(run))
				if text, _ := os.ReadFile(filepath.Join(dir, kept)); string(text) != "kept" {
					t.Errorf("%s holds %q", kept, text)
				}
				if p := publish(t, d, slot(run)); p.Change != Unchanged {
					t.Errorf("it counts as a difference: %v", p.Differences)
				}
			}
		})
	}
}

func TestLiveSlotOfAnotherAccessFormKeepsItsSkeleton(t *testing.T) {
	d, dir := liveSlot(t, slot("#!/bin/sh\n"))
	before := stamps(t, dir)
	p, err := d.Plan(slot("#!/bin/sh\n"), OwnersFor(AccessOwner, 10000, 10001))
	if err == nil {
		err = d.Publish(p)
	}
	if err != nil || p.Change != Unchanged {
		t.Errorf("change %s, %v: %v", p.Change, err, p.Differences)
	}
	if diff := cmp.Diff(before, stamps(t, dir)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestLiveSlotWhereADirectoryAndAFileChangePlacesNeedsRestart(t *testing.T) {
	file, dir := data("data/d", "x"), data("data/d/f", "x")
	for name, files := range map[string][2]render.File{"file": {dir, file}, "directory": {file, dir}} {
		t.Run(name, func(t *testing.T) {
			d, path := liveSlot(t, withFiles(slot("#!/bin/sh\n"), files[0]))
			p := publish(t, d, withFiles(slot("#!/bin/dash\n"), files[1]))
			if p.Change != None || p.Effect != NeedsRestart || len(p.Differences) == 0 {
				t.Errorf("change %q, effect %q, differences %v; want none, needs restart", p.Change, p.Effect, p.Differences)
			}
			if _, err := os.Lstat(filepath.Join(path, files[0].Path)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLiveSlotWhoseLoggerWouldComeOrGoNeedsRestart(t *testing.T) {
	logged := slot("#!/bin/sh\n")
	bare := render.Slot{Service: logged.Service, Files: slices.DeleteFunc(slices.Clone(logged.Files), func(f render.File) bool {
		return strings.HasPrefix(f.Path, "log/")
	})}
	for name, tt := range map[string]struct{ old, new render.Slot }{
		"log/ appears":  {bare, logged},
		"log/ vanishes": {logged, bare},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := liveSlot(t, tt.old)
			before := stamps(t, dir)
			p := publish(t, d, tt.new)
			if p.Change != None || p.Effect != NeedsRestart || len(p.Differences) == 0 {
				t.Errorf("change %q, effect %q, differences %v; want needs restart", p.Change, p.Effect, p.Differences)
			}
			if diff := cmp.Diff(before, stamps(t, dir)); diff != "" {
				t.Errorf("it was not left as it is (-before +after):\n%s", diff)
			}
		})
	}
}

func TestSlotThatNeedsRestartGetsItsDownFileAllTheSame(t *testing.T) {
	for name, files := range map[string][]render.File{
		"and has to stay down": {data("down", ""), data("data/d/f", "x")},
		"and is to start":      {data("data/d/f", "x")},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := liveSlot(t, withFiles(slot("#!/bin/sh\n"), data("data/d", "x")))
			want := withFiles(slot("#!/bin/dash\n"), files...)
			if p := publish(t, d, want); p.Change != None || p.Effect != NeedsRestart {
				t.Errorf("change %q, effect %q; want none, needs restart", p.Change, p.Effect)
			}
			if _, err := os.Lstat(filepath.Join(dir, "down")); (err == nil) != (len(files) == 2) {
				t.Errorf("its down file: %v", err)
			}
			if text, _ := os.ReadFile(filepath.Join(dir, "run")); string(text) != "#!/bin/sh\n" {
				t.Errorf("run holds %q", text)
			}
		})
	}
}

// A gateway that has to stay down must not start because a pass was killed.
func TestDownFileIsWrittenFirstAndRemovedLast(t *testing.T) {
	up := slot("#!/bin/sh\n")
	down := withFiles(slot("#!/bin/dash\n"), data("data/before", ""), data("down", ""), data("finish-me", ""))
	d, _ := liveSlot(t, up)
	p, err := d.Plan(down, owners())
	if err != nil || len(p.edits) < 2 || p.edits[0].node.path != "down" {
		t.Errorf("%v: the first of %d edits is not the down file", err, len(p.edits))
	}
	publish(t, d, down)
	p, err = d.Plan(up, owners())
	last := len(p.edits) - 1
	if err != nil || last < 1 || p.edits[last].node.path != "down" || !p.edits[last].remove {
		t.Errorf("%v: the last of %v is not the removal of the down file", err, p.edits)
	}
}

func TestTempFileOfAKilledWriteInALiveSlotIsRemoved(t *testing.T) {
	s := withFiles(slot("#!/bin/sh\n"), data("data/part2", "two"))
	d, dir := liveSlot(t, s)
	want := names(t, dir)
	for _, name := range []string{".run1234567890123456789", "log/.run1234567890123456789", "data/.part21234567890123456789"} {
		write(t, filepath.Join(dir, name), "half")
	}
	for _, name := range []string{".run12", ".hidden", ".theirs1234567890", "run1234567890123456789", "data/.session1700000000", "data/.x1234567890123456789/y"} {
		write(t, filepath.Join(dir, name), "theirs")
	}
	if p := publish(t, d, s); p.Change != Unchanged {
		t.Errorf("debris counts as a change: %v", p.Differences)
	}
	if got := names(t, filepath.Join(dir, "data")); !slices.Equal(got, []string{".session1700000000", ".x1234567890123456789", "part2"}) {
		t.Errorf("data/ holds %q", got)
	}
	want = append(want, ".run12", ".hidden", ".theirs1234567890", "run1234567890123456789")
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := names(t, filepath.Join(dir, "log")); slices.Contains(got, ".run1234567890123456789") {
		t.Errorf("log/ holds %q", got)
	}
}

func TestUpdateReplacesALinkAndDoesNotFollowIt(t *testing.T) {
	d, dir := liveSlot(t, slot("#!/bin/sh\n"))
	other := filepath.Join(t.TempDir(), "precious")
	write(t, other, "precious")
	if err := relink(filepath.Join(dir, "run"), other); err != nil {
		t.Fatal(err)
	}
	publish(t, d, slot("#!/bin/dash\n"))
	if text, _ := os.ReadFile(other); string(text) != "precious" {
		t.Errorf("the link's target holds %q", text)
	}
	if info, err := os.Lstat(filepath.Join(dir, "run")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("run is %v, %v", info, err)
	}
}

func TestDirectoryThatSomebodyMadeInAFilesPlaceStays(t *testing.T) {
	d, dir := liveSlot(t, slot("#!/bin/sh\n"))
	if err := os.Remove(filepath.Join(dir, "finish")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "finish", "theirs"), "")
	if p := publish(t, d, slot("#!/bin/dash\n")); p.Effect != NeedsRestart {
		t.Errorf("effect %q, want needs restart", p.Effect)
	}
	if got := names(t, filepath.Join(dir, "finish")); !slices.Equal(got, []string{"theirs"}) {
		t.Errorf("finish holds %q", got)
	}
	if got := names(t, dir); slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, ".") }) {
		t.Errorf("left over: %q", got)
	}
}
