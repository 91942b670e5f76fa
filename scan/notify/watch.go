// Package notify reports that something on a volume, or in the override directory, may have
// changed. It reads no file, decides nothing and knows nothing of s6. The receiver looks for
// itself, through package scan.
//
// Inotify watches profiles/, the home, each entry of profiles/ that waits for its SOUL.md,
// and the override directory. No event reports that the target of a link has come, so the
// watcher looks every second at links that are no profiles. Once an entry has its SOUL.md,
// inotify no longer watches it, so files that a gateway writes there cause no event. The
// home is the directory of the default profile, so files in it cause events. Inotify reports
// nothing on network and FUSE mounts, so the watcher looks at everything once in an interval.
package notify

import (
	"context"
	"time"

	"slotgen/internal/asuser"
)

const (
	// A burst of events is over when no event has come for settleAfter. The watcher looks
	// after settleMax at the latest.
	settleAfter = 200 * time.Millisecond
	settleMax   = 500 * time.Millisecond

	// fallback is the interval when inotify is not reliable.
	fallback = 5 * time.Second
	// linkInterval is the time between two looks at the links that are no profiles.
	linkInterval = time.Second
	// busyShare bounds the time for slow looks: at most 1/busyShare of all time.
	busyShare = 20
	// burst bounds the number of events that the watcher reads in settleMax. With more
	// events it looks at everything, and the kernel drops events that its queue can't hold.
	burst = 5000
	// maxNames bounds the number of names that the watcher looks at one by one.
	maxNames = 1000
)

// Options configure a watcher.
type Options struct {
	// Home is the volume's root, as scan.Open takes it, and User the volume's user.
	Home string
	User asuser.User
	// Templates is the override directory, which may be missing.
	Templates string
	// Interval is the time from one look at everything to the next. While inotify is not
	// reliable it is at most 5 seconds.
	Interval time.Duration
}

// Change lists the things that may have changed since the previous Change.
type Change struct {
	// All is set when everything may have changed. The names are incomplete then.
	All bool
	// Profiles are the changed entries of profiles/ that a pass acts on or reports, and
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

	volume volumeState
	tree   map[string]string

	// The subjects of the events since the last look.
	dirty               map[string]bool
	dirtyAll, dirtyTree bool
	firstEvent          time.Time   // the first of these events, zero without events
	settle              *time.Timer // starts the next look

	windowStart time.Time   // the start of the window in which events are counted
	count       int         // the events in the window
	paused      bool        // the watcher reads no events until the window ends
	resume      *time.Timer // ends the pause

	interval *time.Timer
	links    <-chan time.Time // nil if no link is polled
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
	return &watcher{
		Options: o, out: make(chan Change),
		volume: volumeState{entries: map[string]entryState{}}, dirty: map[string]bool{},
		settle: stoppedTimer(), resume: stoppedTimer(), interval: stoppedTimer(),
	}
}

// begin makes the first look, reports none of its findings but trouble, and starts run.
func (w *watcher) begin(ctx context.Context) {
	w.lookAtEverything()
	w.pending = pending{trouble: w.pending.trouble}
	go w.run(ctx)
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// run reads events and timers, looks, and reports changes until ctx ends.
func (w *watcher) run(ctx context.Context) {
	defer func() { w.notify.close() }()
	next := w.pending.change()
	for {
		var out chan<- Change
		if !w.pending.empty() {
			out = w.out
		}
		events, errs := w.notify.channels()
		if w.paused {
			events = nil
		}
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			w.event(e)
			continue
		case err := <-errs:
			w.inotifyFailed(err)
		case <-w.settle.C:
			w.look()
		case <-w.interval.C:
			w.lookAtEverything()
		case <-w.links:
			w.lookAtLinks()
		case <-w.resume.C:
			w.paused = false
			continue
		case out <- next:
			w.pending = pending{}
		}
		next = w.pending.change()
	}
}
