// Package notify reports that something on a volume, or in the override directory, may have
// changed. It reads no file, decides nothing and knows nothing of s6. The receiver looks for
// itself, through package scan.
//
// A look covers everything: the profiles folder with its entries, and the templates. It costs
// much less than the pass that follows a change. An event only says that it is time for a look.
//
// Inotify watches the profiles folder, the home, each entry of the folder that waits for its
// marker, and the override directory. No event reports that the target of a link has come, so
// the watcher looks every second while there are links that are no profiles. Once an entry has
// its marker, inotify no longer watches it, so files that a gateway writes there cause no event. In
// a layout with a data file it watches every profile for that file.
// The home may be the directory of the default profile, so files in it cause events, which do
// not matter. Inotify reports nothing on network and FUSE mounts, so the watcher looks once in
// an interval, too.
package notify

import (
	"context"
	"path"
	"time"

	"github.com/fsnotify/fsnotify"

	"slotgen/internal/asuser"
	"slotgen/scan"
)

const (
	// settleAfter is the time from the first event that matters to the look. So a burst of
	// events is one change.
	settleAfter = 300 * time.Millisecond
	// burst bounds the number of events that the watcher reads between two looks. The kernel
	// drops events that its queue can't hold.
	burst = 3000

	// fallback is the interval when inotify is not reliable.
	fallback = 5 * time.Second
	// linkInterval is the interval while there are links that are no profiles.
	linkInterval = time.Second
	// busyShare bounds the time for looks without events: at most 1/busyShare of all time.
	busyShare = 20
)

// Options configure a watcher.
type Options struct {
	// Home is the volume's root, as scan.Open takes it, Layout the volume's layout, and User
	// its user.
	Home   string
	Layout scan.Layout
	User   asuser.User
	// Templates is the override directory, which may be missing.
	Templates string
	// Interval is the time from one look at everything to the next. While inotify is not
	// reliable it is at most 5 seconds.
	Interval time.Duration
	// Slow gets the calls on the volume that take long.
	Slow scan.Slow
}

// Change lists the things that may have changed since the previous Change.
type Change struct {
	// All is set when everything may have changed. The names are incomplete then.
	All bool
	// Profiles are the changed entries of the profiles folder that a pass acts on or reports, and
	// the profiles with changed templates of their own. Gone are the entries that no longer
	// exist. Both are sorted.
	Profiles, Gone []string
	// Trouble is the reason why inotify is not reliable. Each look that finds a reason
	// sets it.
	Trouble error
}

// watcher is the state of one watch.
type watcher struct {
	Options
	notify *notifier
	out    chan Change

	// The volume and the templates at the last look.
	top     topState
	entries map[string]entryState
	tree    map[string]string
	data    map[string]string // the stamps of data files, by profile

	events   int              // the events since the last look
	settle   <-chan time.Time // starts the look that events have asked for, nil without one
	interval <-chan time.Time // starts the next look without events
	polls    bool             // there are links that are no profiles
	pending  pending
}

// Start looks at everything and then reports changes until ctx ends. It joins all changes
// into one until the receiver takes it.
func Start(ctx context.Context, o Options) <-chan Change {
	w := newWatcher(o)
	var err error
	if w.notify, err = newNotifier(); err != nil {
		w.trouble(err)
	}
	w.begin(ctx)
	return w.out
}

func newWatcher(o Options) *watcher {
	return &watcher{Options: o, notify: &notifier{}, out: make(chan Change), entries: map[string]entryState{}}
}

// begin makes the first look, reports none of its findings but trouble, and starts run.
func (w *watcher) begin(ctx context.Context) {
	w.look()
	w.pending = pending{trouble: w.pending.trouble}
	go w.run(ctx)
}

// run reads events and timers, looks, and reports changes until ctx ends.
func (w *watcher) run(ctx context.Context) {
	defer w.notify.close()
	next := w.pending.change()
	for {
		var out chan<- Change
		if !w.pending.empty() {
			out = w.out
		}
		events := w.notify.events
		if w.events >= burst {
			events = nil
		}
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			w.event(e)
			continue
		case err := <-w.notify.errors:
			w.inotifyFailed(err)
		case <-w.settle:
			w.look()
		case <-w.interval:
			w.look()
		case out <- next:
			w.pending = pending{}
		}
		next = w.pending.change()
	}
}

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
