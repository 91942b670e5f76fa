package notify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slotgen/scan"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
)

func TestNewAndRemovedProfilesAreReported(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/old/SOUL.md") })
	l.put("profiles/new/SOUL.md")
	l.want("a profile, and nothing that was there before", Change{Profiles: []string{"new"}})
	l.put("profiles/.staged/SOUL.md")
	l.silent("a staging name")
	l.rename("profiles/.staged", "profiles/staged")
	l.want("a staging name that is renamed", Change{Profiles: []string{"staged"}})
	l.remove("profiles/old")
	l.want("a profile that is deleted", Change{Gone: []string{"old"}})
	l.rename("profiles/new", "profiles/newer")
	l.want("a profile that is renamed", Change{Profiles: []string{"newer"}, Gone: []string{"new"}})
	l.put("profiles/Bad/SOUL.md")
	l.put("profiles/notes")
	l.want("a name that is refused, and no file", Change{Profiles: []string{"Bad"}})
}

// A pass may have seen the profile.
func TestProfileThatIsMadeAndRemovedInOneBurstIsReported(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.put("profiles/a/SOUL.md")
	w := l.stoppedWatcher()
	l.put("profiles/brief/SOUL.md")
	l.remove("profiles/brief")
	for e := (fsnotify.Event{}); !e.Has(fsnotify.Remove) || filepath.Base(e.Name) != "brief"; w.event(e) {
		e = <-w.notify.inotify.Events
	}
	w.look()
	if diff := cmp.Diff(Change{Gone: []string{"brief"}}, w.pending.change()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDirectoryIsNoProfileBeforeItsMarker(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/early/config.yaml") })
	l.put("profiles/late/gateway_state.json")
	l.put("profiles/late/logs/x")
	l.put("profiles/x1/a")
	l.silent("directories without SOUL.md")
	l.put("profiles/late/SOUL.md")
	l.want("a marker", Change{Profiles: []string{"late"}})
	l.put("profiles/early/SOUL.md")
	l.want("a marker in a directory that was there before", Change{Profiles: []string{"early"}})

	l.remove("profiles/late/SOUL.md")
	l.put("profiles/late/SOUL.md")
	l.silent("an editor that replaces SOUL.md")

	l.rename("profiles/x1", "profiles/x2")
	l.want("one that is renamed while it waits", Change{Gone: []string{"x1"}})
	l.put("profiles/x2/SOUL.md")
	l.want("its marker", Change{Profiles: []string{"x2"}})
}

func TestFilesOfGatewaysAreNotReported(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/a/SOUL.md"); l.put("SOUL.md") })
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

// stoppedWatcher returns a watcher that has looked at everything and does not run.
func (l *fixture) stoppedWatcher() *watcher {
	l.t.Helper()
	w := newWatcher(Options{Home: l.home, Layout: scan.DefaultLayout(), Templates: l.templates, Interval: never, Slow: neverSlow})
	var err error
	if w.notify, err = newNotifier(); err != nil {
		l.t.Fatal(err)
	}
	w.look()
	w.pending = pending{}
	l.changes = w.out
	return w
}

// On some mounts no event reports that profiles/ has become empty.
func TestEmptyProfilesDirectoryIsSeen(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.put("profiles/last/SOUL.md")
	w := l.stoppedWatcher()
	l.remove("profiles/last")
	w.look()
	if diff := cmp.Diff(Change{Gone: []string{"last"}}, w.pending.change()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each look comes at least settleAfter after the first event that it covers.
func TestBurstIsReportedAsOneChange(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/a/SOUL.md") })
	began := time.Now()
	go func() { // the test has to receive at the same time, or it would get one change
		for i := range 100 {
			l.put(fmt.Sprintf("profiles/p%02d/SOUL.md", i))
		}
		l.mark()
	}()
	changes := l.reportedBefore("mark")
	took, names := time.Since(began), 0
	for _, c := range changes {
		names += len(c.Profiles)
	}
	if names != 100 || len(changes) > int(took/settleAfter) {
		t.Errorf("%d profiles were told in %d changes, in %s", names, len(changes), took)
	}
}

func TestEndlessEventsDoNotHideOtherChanges(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/a/SOUL.md") })
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
	for range 2 { // the events last longer than settleMax
		l.next()
	}
	l.put("profiles/b/SOUL.md")
	for c := l.next(); !slices.Contains(c.Profiles, "b"); {
		c = l.next()
	}
}

func TestProfilesDirectoryItselfMayComeAndGo(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many looks, one after the other")
	}
	t.Parallel()
	everything := Change{All: true}
	l := start(t, func(*fixture) {})
	l.put("profiles/a/SOUL.md")
	l.want("profiles/ is made", everything)
	l.remove("profiles")
	l.want("it is deleted", everything)
	l.put("profiles/b/SOUL.md")
	l.want("it is made again", everything)
	l.put("profiles/c/SOUL.md")
	l.want("another profile in it", Change{Profiles: []string{"c"}})
	l.linkInPlace("elsewhere", "profiles", "elsewhere")
	l.silent("a link to the same directory instead")
	l.put("elsewhere/d/SOUL.md")
	l.want("a profile behind the link", Change{Profiles: []string{"d"}})
	l.remove("profiles")
	l.link("/etc", "profiles")
	l.want("a link to another directory", everything)
	l.remove("profiles")
	l.put("profiles")
	l.want("a file", everything)
}

func TestLinksAreFollowedWhereverTheyLead(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	l := start(t, func(l *fixture) {
		l.put("profiles/a/SOUL.md")
		l.put("inside/x")
		l.link("../inside", "profiles/near")
		l.link(outside, "profiles/away")
	})
	if got := watched(t); !slices.Contains(got, outside) || !slices.Contains(got, filepath.Join(l.home, "inside")) {
		t.Errorf("watched: %q", got)
	}
	l.write(outside+"/SOUL.md", "")
	l.want("a marker outside", Change{Profiles: []string{"away"}})
	l.put("inside/SOUL.md")
	l.want("a marker behind a link that stays inside", Change{Profiles: []string{"near"}})
	if got := watched(t); slices.Contains(got, outside) {
		t.Errorf("still watched: %q", got)
	}
}

// watched returns the paths that this process holds open.
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

func TestSlowLookNeedsNoEvents(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.mark = l.markInHome // the slow look looks at the home first
	l.put("profiles/a/SOUL.md")
	l.put("profiles/waits/x")
	w := newWatcher(Options{Home: l.home, Layout: scan.DefaultLayout(), Templates: l.templates, Interval: 50 * time.Millisecond, Slow: neverSlow})
	w.begin(t.Context()) // without inotify
	l.changes = w.out
	l.put("profiles/a/state")
	l.silent("what was there before, and a gateway's file")
	l.put("profiles/b/SOUL.md")
	l.want("a profile", Change{Profiles: []string{"b"}})
	l.put("profiles/waits/SOUL.md")
	l.want("a marker", Change{Profiles: []string{"waits"}})
	l.remove("profiles/a")
	l.want("a profile that is deleted", Change{Gone: []string{"a"}})
}

func TestSlowLookCoversDirectoriesBeyondTheLimit(t *testing.T) {
	t.Parallel()
	most := maxWatches()
	l := newFixture(t)
	for i := range most + 10 {
		l.put(fmt.Sprintf("profiles/w%06d/x", i))
	}
	l.changes = Start(t.Context(), Options{Home: l.home, Layout: scan.DefaultLayout(), Templates: l.templates, Interval: 50 * time.Millisecond, Slow: neverSlow})
	if c, want := l.next(), fmt.Sprintf("more than %d directories to be watched: looking at everything every 50ms", most); c.Trouble == nil ||
		!strings.Contains(c.Trouble.Error(), want) {
		t.Errorf("told of %+v, want %q", c, want)
	}
	last := fmt.Sprintf("w%06d", most+5)
	l.put("profiles/" + last + "/SOUL.md")
	c := l.next()
	for len(c.Profiles) == 0 { // an earlier look may report the same trouble
		c = l.next()
	}
	if !slices.Equal(c.Profiles, []string{last}) {
		t.Errorf("told of %+v, want the marker of one that is not watched", c)
	}
}

func TestLostEventsCauseALookAtEverything(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.put("profiles/a/SOUL.md")
	w := l.stoppedWatcher()
	l.put("profiles/b/SOUL.md")
	l.template("profiles/a/run.tmpl", "")
	w.inotifyFailed(fsnotify.ErrEventOverflow)
	w.look()
	got := w.pending.change()
	if !slices.Equal(got.Profiles, []string{"a", "b"}) || got.Trouble == nil {
		t.Errorf("told of %+v", got)
	}
}
