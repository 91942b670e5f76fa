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
)

// never is an interval that no test waits for.
const never = time.Hour

// lookout is a watched home and override directory.
type lookout struct {
	t               *testing.T
	home, templates string
	changes         <-chan Change
	// mark makes a change and returns the profile that it is told of.
	mark  func() string
	marks int
}

// newLookout makes an empty home and an override directory.
func newLookout(t *testing.T) *lookout {
	t.Helper()
	l := &lookout{t: t, home: t.TempDir(), templates: filepath.Join(t.TempDir(), "etc/templates")}
	l.mark = l.markInTemplates
	l.template("profiles/mark/run.tmpl", "")
	return l
}

// start watches a home that prepare has filled.
func start(t *testing.T, prepare func(*lookout)) *lookout {
	t.Helper()
	l := newLookout(t)
	prepare(l)
	l.start()
	return l
}

// startTemplates watches an override directory that prepare has filled.
func startTemplates(t *testing.T, prepare func(*lookout)) *lookout {
	t.Helper()
	return start(t, func(l *lookout) {
		l.mark = l.markInHome
		l.put("profiles/a/SOUL.md")
		prepare(l)
	})
}

func (l *lookout) start() {
	l.changes = Start(l.t.Context(), Options{Home: l.home, Templates: l.templates, Interval: never})
}

// markInTemplates marks changes of the home: a look at the templates shows none of them.
func (l *lookout) markInTemplates() string {
	l.t.Helper()
	l.template("profiles/mark/run.tmpl", "")
	return "mark"
}

// markInHome marks changes of the templates.
func (l *lookout) markInHome() string {
	l.t.Helper()
	l.marks++
	name := fmt.Sprintf("mark%d", l.marks)
	l.put("profiles/.staged-mark/SOUL.md")
	l.rename("profiles/.staged-mark", "profiles/"+name)
	return name
}

func (l *lookout) put(name string) {
	l.t.Helper()
	l.write(filepath.Join(l.home, name), "")
}

func (l *lookout) write(path, text string) {
	l.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// template makes a template, or another one in its place, by one event.
func (l *lookout) template(name, text string) {
	l.t.Helper()
	path := filepath.Join(l.templates, name)
	staged := filepath.Join(filepath.Dir(path), ".staged")
	l.write(staged, text)
	if err := os.Rename(staged, path); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lookout) remove(name string) {
	l.t.Helper()
	if err := os.RemoveAll(filepath.Join(l.home, name)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lookout) rename(from, to string) {
	l.t.Helper()
	if err := os.Rename(filepath.Join(l.home, from), filepath.Join(l.home, to)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lookout) link(target, name string) {
	l.t.Helper()
	if err := os.Symlink(target, filepath.Join(l.home, name)); err != nil {
		l.t.Fatal(err)
	}
}

// linkInPlace puts a link in the place of a directory, which is called by the other
// name from then on. At no time there is nothing.
func (l *lookout) linkInPlace(target, name, directory string) {
	l.t.Helper()
	l.link(target, directory)
	path := filepath.Join(l.home, name)
	if err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, filepath.Join(l.home, directory), unix.RENAME_EXCHANGE); err != nil {
		l.t.Fatal(err)
	}
}

// next returns the next change.
func (l *lookout) next() Change {
	l.t.Helper()
	select {
	case c := <-l.changes:
		return c
	case <-time.After(testenv.HangLimit):
		l.t.Fatal("nothing was told")
		return Change{}
	}
}

// told returns what is told before a mark that it makes now, or with it.
func (l *lookout) told() []Change {
	l.t.Helper()
	return l.toldBefore(l.mark())
}

// toldBefore returns what is told before a mark, or with it. A slow machine makes
// several changes of one burst.
func (l *lookout) toldBefore(mark string) []Change {
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

// want holds that this is told and nothing else. A profile is told once; the names
// beside a change of everything are not all there are.
func (l *lookout) want(what string, want Change) {
	l.t.Helper()
	var got Change
	for _, c := range l.told() {
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

// silent holds that nothing is told.
func (l *lookout) silent(what string) {
	l.t.Helper()
	l.want(what, Change{})
}
