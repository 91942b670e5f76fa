package notify

import (
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"slotgen/scan"
)

// event marks the subject of an event for the look at the end of the burst. After too many
// events in one window it stops reading events, and the look covers everything.
func (w *watcher) event(e fsnotify.Event) {
	now := time.Now()
	if now.Sub(w.windowStart) > settleMax {
		w.windowStart, w.count = now, 0
	}
	if w.count++; w.count > burst {
		w.paused, w.dirtyAll = true, true
		w.scheduleLook(now)
		w.resume.Reset(w.windowStart.Add(settleMax).Sub(now))
	}
	relevant := false
	for _, u := range w.notify.usesOf(e) {
		relevant = w.mark(u, e) || relevant
	}
	if relevant || !w.firstEvent.IsZero() {
		w.scheduleLook(now)
	}
}

// scheduleLook schedules the next look: settleAfter from now, but at most settleMax after
// the first event.
func (w *watcher) scheduleLook(now time.Time) {
	if w.firstEvent.IsZero() {
		w.firstEvent = now
	}
	w.settle.Reset(min(settleAfter, w.firstEvent.Add(settleMax).Sub(now)))
}

// usesOf returns the uses of an event's directory. It ends the watch of a directory that
// was moved or removed.
func (n *notifier) usesOf(e fsnotify.Event) []use {
	p := n.byPath[e.Name]
	moved := p != nil
	if !moved {
		p = n.byPath[e.Name[:max(0, strings.LastIndexByte(e.Name, '/'))]]
	}
	if p == nil || moved && !e.Has(fsnotify.Rename) && !e.Has(fsnotify.Remove) {
		return nil
	}
	uses := make([]use, 0, len(p.uses))
	for u := range p.uses {
		uses = append(uses, u)
	}
	if moved {
		n.unwatch(p)
	}
	return uses
}

// mark marks the subject of an event as dirty. It reports whether the event matters.
func (w *watcher) mark(u use, e fsnotify.Event) bool {
	name := e.Name[strings.LastIndexByte(e.Name, '/')+1:]
	lost := w.notify.byUse[u] == nil
	comesOrGoes := e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
	switch {
	case lost && u.kind == entry:
		w.dirty[u.name] = true
	case lost && (u.kind == tree || u.kind == above):
		w.dirtyTree = true
	case lost:
		w.dirtyAll = true
	case u.kind == tree && (!strings.HasPrefix(name, ".") || strings.HasPrefix(name, "..data")):
		w.dirtyTree = true
	case u.kind == above && name == u.name && comesOrGoes:
		w.dirtyTree = true
	case u.kind == home && name == scan.ProfilesDir && comesOrGoes:
		w.dirtyAll = true
	case u.kind == profiles && comesOrGoes && !strings.HasPrefix(name, "."):
		w.dirty[name] = true
	case u.kind == entry && name == scan.Marker && comesOrGoes:
		w.dirty[u.name] = true
	default:
		return false
	}
	return true
}
