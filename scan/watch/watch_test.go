package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"

	"slotgen/scan"
)

// never is an interval that no test waits for.
const never = time.Hour

const limit = 10 * time.Second

// lookout is a watched home and override directory.
type lookout struct {
	t               *testing.T
	home, templates string
	changes         <-chan Change
}

// start watches a home that prepare has filled.
func start(t *testing.T, prepare func(*lookout)) *lookout {
	t.Helper()
	l := &lookout{t: t, home: t.TempDir(), templates: filepath.Join(t.TempDir(), "etc/templates")}
	if prepare != nil {
		prepare(l)
	}
	l.changes = Start(t.Context(), Options{Home: l.home, Templates: l.templates, Interval: never})
	return l
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

func (l *lookout) template(name, text string) {
	l.t.Helper()
	l.write(filepath.Join(l.templates, name), text)
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

// want holds that the next change is this one.
func (l *lookout) want(what string, want Change) {
	l.t.Helper()
	select {
	case got := <-l.changes:
		if want.All {
			got = Change{All: got.All}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			l.t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	case <-time.After(limit):
		l.t.Errorf("%s: nothing was told", what)
	}
}

// silent holds that nothing is told.
func (l *lookout) silent(what string) {
	l.t.Helper()
	select {
	case got := <-l.changes:
		l.t.Errorf("%s: told of %+v", what, got)
	case <-time.After(settleMost + 300*time.Millisecond):
	}
}

func TestProfilesThatComeAndGoAreTold(t *testing.T) {
	l := start(t, func(l *lookout) { l.put("profiles/old/SOUL.md") })
	l.silent("what was there before")
	l.put("profiles/new/SOUL.md")
	l.want("a profile", Change{Profiles: []string{"new"}})
	l.put("profiles/.staged/SOUL.md")
	l.silent("a staging name")
	l.rename("profiles/.staged", "profiles/staged")
	l.want("a staging name that is renamed", Change{Profiles: []string{"staged"}})
	l.remove("profiles/old")
	l.want("a profile that is deleted", Change{Gone: []string{"old"}})
	l.rename("profiles/new", "profiles/newer")
	l.want("a profile that is renamed", Change{Profiles: []string{"newer"}, Gone: []string{"new"}})
	l.put("profiles/Bad/SOUL.md")
	l.want("a name that is refused", Change{Profiles: []string{"Bad"}})
	l.put("profiles/notes")
	l.silent("a file")
	l.put("profiles/brief/SOUL.md")
	l.remove("profiles/brief")
	l.want("a profile that comes and goes in one burst, but may have been seen", Change{Gone: []string{"brief"}})
}

func TestDirectoryIsNoProfileBeforeItsMarker(t *testing.T) {
	l := start(t, func(l *lookout) { l.put("profiles/early/config.yaml") })
	l.put("profiles/late/gateway_state.json")
	l.put("profiles/late/logs/x")
	l.silent("directories without SOUL.md")
	l.put("profiles/late/SOUL.md")
	l.want("a marker", Change{Profiles: []string{"late"}})
	l.put("profiles/early/SOUL.md")
	l.want("a marker in a directory that was there before", Change{Profiles: []string{"early"}})

	l.remove("profiles/late/SOUL.md")
	l.put("profiles/late/SOUL.md")
	l.silent("an editor that replaces SOUL.md")

	l.put("profiles/x1/a")
	l.silent("another one")
	l.rename("profiles/x1", "profiles/x2")
	l.want("one that is renamed while it waits", Change{Gone: []string{"x1"}})
	l.put("profiles/x2/SOUL.md")
	l.want("its marker", Change{Profiles: []string{"x2"}})
}

func TestGatewaysFilesAreNotTold(t *testing.T) {
	l := start(t, func(l *lookout) { l.put("profiles/a/SOUL.md"); l.put("SOUL.md") })
	for i := range 50 {
		for _, dir := range []string{"", "profiles/a/"} {
			l.put(dir + fmt.Sprintf("gateway_state.json.%d", i))
			l.rename(dir+fmt.Sprintf("gateway_state.json.%d", i), dir+"gateway_state.json")
			l.put(dir + "state/gateway.lifecycle.json")
			l.put(dir + "logs/x")
		}
	}
	l.silent("state files")
}

// No event tells that what is mounted from elsewhere has become empty.
func TestEmptyProfilesDirectoryIsSeen(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, scan.ProfilesDir, "last")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, scan.Marker), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWatcher(Options{Home: home, Templates: filepath.Join(home, "none"), Interval: never})
	w.lookAtEverything()
	w.pending = pending{}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w.lookAtEverything()
	if diff := cmp.Diff(Change{Gone: []string{"last"}}, w.pending.change()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBurstIsToldAsOne(t *testing.T) {
	l := start(t, func(l *lookout) { l.put("profiles/a/SOUL.md") })
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("p%02d", i))
		l.put("profiles/" + names[i] + "/SOUL.md")
	}
	l.want("a burst", Change{Profiles: names})
}

func TestEventsWithoutEndStarveNobody(t *testing.T) {
	l := start(t, func(l *lookout) { l.put("profiles/a/SOUL.md") })
	stop := make(chan struct{})
	var flicker sync.WaitGroup
	flicker.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Mkdir(filepath.Join(l.home, "profiles/flicker"), 0o755)
				_ = os.Remove(filepath.Join(l.home, "profiles/flicker"))
			}
		}
	})
	defer flicker.Wait()
	defer close(stop)
	time.Sleep(time.Second)
	l.put("profiles/b/SOUL.md")
	for deadline := time.Now().Add(limit); ; {
		c := <-l.changes
		if slices.Contains(c.Profiles, "b") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the profile was not told")
		}
	}
}

func TestProfilesDirectoryItselfMayComeAndGo(t *testing.T) {
	everything := Change{All: true}
	l := start(t, nil)
	l.put("profiles/a/SOUL.md")
	l.want("profiles/ is made", everything)
	l.remove("profiles")
	l.want("it is deleted", everything)
	l.put("profiles/b/SOUL.md")
	l.want("it is made again", everything)
	l.put("profiles/c/SOUL.md")
	l.want("another profile in it", Change{Profiles: []string{"c"}})
	l.rename("profiles", "elsewhere")
	l.link("elsewhere", "profiles")
	l.silent("a link to the same directory instead")
	l.put("elsewhere/d/SOUL.md")
	l.want("a profile behind the link", Change{Profiles: []string{"d"}})
	l.remove("profiles")
	l.link("/etc", "profiles")
	l.want("a link that leads outside", everything)
	l.remove("profiles")
	l.put("profiles")
	l.want("a file", everything)
}

func TestNothingOutsideTheHomeIsWatched(t *testing.T) {
	outside := t.TempDir()
	l := start(t, func(l *lookout) {
		l.put("profiles/a/SOUL.md")
		l.put("inside/x")
		l.link("../inside", "profiles/near")
		l.link(outside, "profiles/away")
	})
	if got := watched(t); slices.Contains(got, outside) || !slices.Contains(got, filepath.Join(l.home, "inside")) {
		t.Errorf("watched: %q", got)
	}
	l.write(outside+"/SOUL.md", "")
	l.silent("a marker outside")
	l.put("inside/SOUL.md")
	l.want("a marker behind a link that stays inside", Change{Profiles: []string{"near"}})
	l.remove("profiles/a")
	l.link(outside, "profiles/a")
	l.want("a profile that a link takes the place of", Change{Profiles: []string{"a"}})
	if got := watched(t); slices.Contains(got, outside) {
		t.Errorf("watched: %q", got)
	}
}

// watched lists the directories that this process holds open.
func watched(t *testing.T) []string {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(target, "/") {
			paths = append(paths, target)
		}
	}
	return paths
}

func TestSlowLookSeesWhatNoEventTells(t *testing.T) {
	l := &lookout{t: t, home: t.TempDir(), templates: "/nonexistent/templates"}
	l.put("profiles/a/SOUL.md")
	l.put("profiles/waits/x")
	w := newWatcher(Options{Home: l.home, Templates: l.templates, Interval: 50 * time.Millisecond})
	w.begin(t.Context()) // with no inotify at all
	l.changes = w.out
	l.silent("what was there before")
	l.put("profiles/b/SOUL.md")
	l.want("a profile", Change{Profiles: []string{"b"}})
	l.put("profiles/waits/SOUL.md")
	l.want("a marker", Change{Profiles: []string{"waits"}})
	l.remove("profiles/a")
	l.want("a profile that is deleted", Change{Gone: []string{"a"}})
}

func TestMoreWaitingDirectoriesThanAreWatchedAreLookedAt(t *testing.T) {
	l := start(t, func(l *lookout) {
		for i := range 510 {
			l.put(fmt.Sprintf("profiles/w%04d/x", i))
		}
	})
	c := <-l.changes
	if c.Trouble == nil || !strings.Contains(c.Trouble.Error(), "more than 500 directories to be watched: looking at everything every 5s") {
		t.Errorf("told of %+v", c)
	}
	l.put("profiles/w0505/SOUL.md")
	for c = range l.changes { // a look that finds the same trouble may come before
		if len(c.Profiles) > 0 {
			break
		}
	}
	if !slices.Equal(c.Profiles, []string{"w0505"}) {
		t.Errorf("of the marker of one that is not watched: told of %+v", c)
	}
}

func TestLostEventsMakeALookAtEverything(t *testing.T) {
	l := &lookout{t: t, home: t.TempDir(), templates: t.TempDir()}
	w := newWatcher(Options{Home: l.home, Templates: l.templates, Interval: never})
	l.put("profiles/a/SOUL.md")
	w.lookAtEverything()
	w.pending = pending{}
	l.put("profiles/b/SOUL.md")
	l.template("profiles/a/run.tmpl", "")
	w.failed(fsnotify.ErrEventOverflow)
	w.look()
	got := w.pending.change()
	if !slices.Equal(got.Profiles, []string{"a", "b"}) || got.Trouble == nil {
		t.Errorf("told of %+v", got)
	}
}
