package notify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
	"slotgen/scan"
)

// never is an interval longer than any test.
const never = time.Hour

// fixture is a watched home and override directory.
type fixture struct {
	t               *testing.T
	home, templates string
	layout          scan.Layout
	changes         <-chan Change
	// mark makes a change and returns the name of its profile.
	mark  func() string
	marks int
}

// newFixture makes an empty home and an override directory.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	l := &fixture{t: t, layout: scan.DefaultLayout(), home: t.TempDir(), templates: filepath.Join(t.TempDir(), "etc/templates")}
	l.mark = l.markInTemplates
	l.template("profiles/mark/run.tmpl", "")
	return l
}

// start calls prepare and starts a watcher.
func start(t *testing.T, prepare func(*fixture)) *fixture {
	t.Helper()
	l := newFixture(t)
	prepare(l)
	l.start()
	return l
}

// startTemplates does the same as start for a test of the override directory.
func startTemplates(t *testing.T, prepare func(*fixture)) *fixture {
	t.Helper()
	return start(t, func(l *fixture) {
		l.mark = l.markInHome
		l.put("profiles/a/SOUL.md")
		prepare(l)
	})
}

func (l *fixture) start() {
	l.changes = Start(l.t.Context(), Options{Home: l.home, Layout: l.layout, Templates: l.templates, Interval: never, Slow: neverSlow})
}

// markInTemplates makes a mark for tests of the home.
func (l *fixture) markInTemplates() string {
	l.t.Helper()
	l.template("profiles/mark/run.tmpl", "")
	return "mark"
}

// markInHome makes a mark for tests of the templates.
func (l *fixture) markInHome() string {
	l.t.Helper()
	l.marks++
	name := fmt.Sprintf("mark%d", l.marks)
	l.put("profiles/.staged-mark/SOUL.md")
	l.rename("profiles/.staged-mark", "profiles/"+name)
	return name
}

func (l *fixture) put(name string) {
	l.t.Helper()
	l.write(filepath.Join(l.home, name), "")
}

func (l *fixture) write(path, text string) {
	l.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// template makes or replaces a template with one rename.
func (l *fixture) template(name, text string) {
	l.t.Helper()
	path := filepath.Join(l.templates, name)
	staged := filepath.Join(filepath.Dir(path), ".staged")
	l.write(staged, text)
	if err := os.Rename(staged, path); err != nil {
		l.t.Fatal(err)
	}
}

func (l *fixture) remove(name string) {
	l.t.Helper()
	if err := os.RemoveAll(filepath.Join(l.home, name)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *fixture) rename(from, to string) {
	l.t.Helper()
	if err := os.Rename(filepath.Join(l.home, from), filepath.Join(l.home, to)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *fixture) link(target, name string) {
	l.t.Helper()
	if err := os.Symlink(target, filepath.Join(l.home, name)); err != nil {
		l.t.Fatal(err)
	}
}

// linkInPlace exchanges the directory at name with a new link to target. The directory then
// has the third name. The name exists at every instant.
func (l *fixture) linkInPlace(target, name, directory string) {
	l.t.Helper()
	l.link(target, directory)
	path := filepath.Join(l.home, name)
	if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, filepath.Join(l.home, directory), unix.RENAME_EXCHANGE); err != nil {
		l.t.Fatal(err)
	}
}

// next returns the next change.
func (l *fixture) next() Change {
	l.t.Helper()
	select {
	case c := <-l.changes:
		return c
	case <-time.After(testenv.HangLimit):
		l.t.Fatal("nothing was told")
		return Change{}
	}
}

// reported makes a mark, and returns the changes up to the mark.
func (l *fixture) reported() []Change {
	l.t.Helper()
	return l.reportedBefore(l.mark())
}

// reportedBefore returns the changes up to the mark, without the mark. On a slow machine
// one burst may become several changes.
func (l *fixture) reportedBefore(mark string) []Change {
	l.t.Helper()
	var all []Change
	for {
		c := l.next()
		i, marked := slices.BinarySearch(c.Profiles, mark)
		if marked {
			c.Profiles = slices.Delete(c.Profiles, i, i+1)
		}
		all = append(all, c)
		if marked {
			return all
		}
	}
}

// want checks that the watcher reports exactly this change, and that it needs no mark for
// that. It must report a profile only once. Beside a change of everything the names do not
// matter.
func (l *fixture) want(what string, want Change) {
	l.t.Helper()
	var changes []Change
	if !cmp.Equal(want, Change{}) {
		changes = append(changes, l.next())
	}
	var got Change
	for _, c := range append(changes, l.reported()...) {
		got.All = got.All || c.All
		got.Profiles = append(got.Profiles, c.Profiles...)
		got.Gone = append(got.Gone, c.Gone...)
		if c.Trouble != nil {
			l.t.Errorf("%s: told of trouble: %v", what, c.Trouble)
		}
	}
	slices.Sort(got.Profiles)
	slices.Sort(got.Gone)
	got.Gone = slices.Compact(got.Gone) // it may be two events
	if want.All {
		got.Profiles, got.Gone = nil, nil
	}
	if len(got.Profiles) == 0 {
		got.Profiles = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// silent checks that the watcher reports nothing.
func (l *fixture) silent(what string) {
	l.t.Helper()
	l.want(what, Change{})
}

// neverSlow is for volumes that answer.
func neverSlow(string, time.Duration) {}
