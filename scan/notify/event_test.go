package notify

import (
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"slotgen/internal/testenv"
)

// Even events that are about nothing cost time: of too many the rest is left to the
// kernel, until their time is over.
func TestEventsAreReadUpToABurst(t *testing.T) {
	t.Parallel()
	l := newLookout(t)
	w := l.byHand()
	aboutNothing := fsnotify.Event{Name: "/nowhere/x", Op: fsnotify.Create}
	testenv.WaitFor(t, "a burst that is over before its time", func() bool {
		began := time.Now()
		w.window, w.paused, w.dirtyAll = time.Time{}, false, false
		for range burst {
			w.event(aboutNothing)
		}
		if w.paused || w.dirtyAll {
			t.Errorf("a burst: paused %v, all is looked at %v", w.paused, w.dirtyAll)
		}
		w.event(aboutNothing)
		return time.Since(began) < settleMost
	})
	if !w.paused || !w.dirtyAll {
		t.Errorf("one event more: paused %v, all is looked at %v", w.paused, w.dirtyAll)
	}
	go w.run(t.Context())
	l.silent("events about nothing")
	l.put("profiles/a/SOUL.md")
	l.want("a change after their time", Change{All: true})
}
