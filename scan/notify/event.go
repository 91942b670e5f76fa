package notify

import (
	"path"
	"time"

	"github.com/fsnotify/fsnotify"
)

// event schedules a look if the event matters. After a burst of events it schedules one in
// any case, and run reads no more events before that look.
func (w *watcher) event(e fsnotify.Event) {
	w.events++
	if w.matters(e) || w.events >= burst {
		w.scheduleLook()
	}
}

func (w *watcher) scheduleLook() {
	if w.settle == nil {
		w.settle = time.After(settleAfter)
	}
}

// matters reports whether an event may be a change. It ends the watch of a directory that was
// moved or removed.
func (w *watcher) matters(e fsnotify.Event) bool {
	if p := w.notify.byPath[e.Name]; p != nil {
		moved := e.Has(fsnotify.Rename) || e.Has(fsnotify.Remove)
		if moved {
			w.notify.unwatch(p)
		}
		return moved
	}
	p, name := w.notify.byPath[path.Dir(e.Name)], path.Base(e.Name)
	if p == nil || !p.matters(name) {
		return false
	}
	if _, known := w.entries[name]; !known && p.id == w.top.id {
		// A pass may see the entry. So the look has to report it if it is gone by then.
		w.entries[name] = entryState{}
	}
	return true
}
