package watch

import (
	"testing"

	"github.com/fsnotify/fsnotify"
)

// Even events that are about nothing cost time: of too many the rest is left to the
// kernel, until their time is over.
func TestEventsAreReadUpToABurst(t *testing.T) {
	w := newWatcher(Options{Home: t.TempDir(), Interval: never})
	l := &lookout{t: t, home: w.Home, changes: w.out}
	var err error
	if w.notify, err = newNotifier(); err != nil {
		t.Fatal(err)
	}
	w.lookAtEverything()
	w.pending = pending{}
	aboutNothing := fsnotify.Event{Name: "/nowhere/x", Op: fsnotify.Create}
	for range burst {
		w.event(aboutNothing)
	}
	if w.paused || w.dirtyAll {
		t.Errorf("a burst: paused %v, all is looked at %v", w.paused, w.dirtyAll)
	}
	w.event(aboutNothing)
	if !w.paused || !w.dirtyAll {
		t.Errorf("one event more: paused %v, all is looked at %v", w.paused, w.dirtyAll)
	}
	go w.run(t.Context())
	l.silent("events about nothing")
	l.put("profiles/a/SOUL.md")
	l.want("a change after their time", Change{All: true})
}
