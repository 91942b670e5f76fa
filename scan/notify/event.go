package notify

import (
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"slotgen/scan"
)

// event notes what is to be looked at when the burst is over.
func (w *watcher) event(e fsnotify.Event) {
	now := time.Now()
	if now.Sub(w.window) > settleMost {
		w.window, w.count = now, 0
	}
	if w.count++; w.count > burst {
		w.paused, w.dirtyAll = true, true
		w.arm(now)
		w.rest.Reset(w.window.Add(settleMost).Sub(now))
	}
	relevant := false
	for _, u := range w.notify.usesOf(e) {
		relevant = w.mark(u, e) || relevant
	}
	if relevant || !w.first.IsZero() {
		w.arm(now)
	}
}

// arm makes the next look wait for the end of the burst, within bounds.
func (w *watcher) arm(now time.Time) {
	if w.first.IsZero() {
		w.first = now
	}
	w.settle.Reset(min(settleAfter, w.first.Add(settleMost).Sub(now)))
}

// usesOf returns what the directory of an event is watched for. One that is moved
// is watched no longer.
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
		n.forget(p)
	}
	return uses
}

// mark notes what an event is about, and tells whether it is about anything.
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
