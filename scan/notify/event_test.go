package notify

import (
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"slotgen/internal/testenv"
)

// Events that do not matter cost time, too. After too many of them the watcher reads no
// more until the end of the window.
func TestEventsAreReadUpToABurst(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	w := l.stoppedWatcher()
	aboutNothing := fsnotify.Event{Name: "/nowhere/x", Op: fsnotify.Create}
	testenv.WaitFor(t, "a burst that is over before its time", func() bool {
		began := time.Now()
		w.windowStart, w.paused, w.dirtyAll = time.Time{}, false, false
		for range burst {
			w.event(aboutNothing)
		}
		if w.paused || w.dirtyAll {
			t.Errorf("a burst: paused %v, all is looked at %v", w.paused, w.dirtyAll)
		}
		w.event(aboutNothing)
		return time.Since(began) < settleMax
	})
	if !w.paused || !w.dirtyAll {
		t.Errorf("one event more: paused %v, all is looked at %v", w.paused, w.dirtyAll)
	}
	go w.run(t.Context())
	l.silent("events about nothing")
	l.put("profiles/a/SOUL.md")
	l.want("a change after their time", Change{All: true})
}
