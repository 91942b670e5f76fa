package notify

import (
	"testing"

	"github.com/fsnotify/fsnotify"
)

// Events that do not matter cost time, too. After too many of them the watcher reads no
// more until its next look.
func TestEventsAreReadUpToABurst(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	w := l.stoppedWatcher()
	aboutNothing := fsnotify.Event{Name: "/nowhere/x", Op: fsnotify.Create}
	for range burst - 1 {
		w.event(aboutNothing)
	}
	if w.events >= burst || w.settle != nil {
		t.Errorf("less than a burst: %d events, a look is due: %v", w.events, w.settle != nil)
	}
	w.event(aboutNothing)
	if w.events < burst || w.settle == nil {
		t.Errorf("one event more: %d events, a look is due: %v", w.events, w.settle != nil)
	}
	go w.run(t.Context())
	l.silent("events about nothing")
	l.put("profiles/a/SOUL.md")
	l.want("a change after their time", Change{All: true})
}
