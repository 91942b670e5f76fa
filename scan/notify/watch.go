// Package notify tells that something on a volume, or in the override directory,
// may have changed. It reads no file, decides nothing, and knows nothing of s6:
// whoever is told looks for himself, through package scan.
//
// Directories are watched by inotify where a change has to be seen at once:
// profiles/, the home above it, and each entry of profiles/ that still waits for
// its SOUL.md. No event tells that the target of a link has come, so links that are no
// profiles are looked at every second. Once the marker is there, nothing that a gateway writes into its
// profile's directory wakes anybody up; the default profile's is the home, where all
// is an event. Network and FUSE mounts, where inotify is silent, are covered by a look
// at everything once in an interval.
package notify

import (
	"context"
	"time"
)

const (
	// A burst of events is over when none came for a while, and is reported on
	// when it does not end.
	settleAfter = 200 * time.Millisecond
	settleMost  = 500 * time.Millisecond

	// fallback is the interval where inotify can't be relied on.
	fallback = 5 * time.Second
	// linkInterval is the time between two looks at the links that are no profiles.
	linkInterval = time.Second
	// mostBusy bounds the share of the time that is spent looking, as 1 in mostBusy.
	mostBusy = 20
	// burst bounds how many events are read in settleMost. With more of them
	// everything is looked at, and the kernel drops what its queue can't hold.
	burst = 5000
	// mostNames bounds how many names are looked at one by one.
	mostNames = 1000
)

// Options says what is watched.
type Options struct {
	// Home is the volume's root, as scan.Open takes it.
	Home string
	// Templates is the override directory, which may be missing.
	Templates string
	// Interval is the time from one look at everything to the next. It becomes 5
	// seconds, where it is longer, when inotify can't be relied on.
	Interval time.Duration
}

// Change is what may have changed since the change before.
type Change struct {
	// All is set when everything may have; the names are not all there are then.
	All bool
	// Profiles are the entries of profiles/ that have become something a pass acts
	// on or reports, and the profiles with changed templates of their own. Gone are
	// those that stand no longer. Both are sorted.
	Profiles, Gone []string
	// Trouble is why inotify can't be relied on, in each look that finds it so.
	Trouble error
}

type watcher struct {
	Options
	notify *notifier
	out    chan Change

	volume volumeState
	tree   map[string]string

	// What the events since the last look were about.
	dirty               map[string]bool
	dirtyAll, dirtyTree bool
	first               time.Time // of these events, zero when there are none
	settle              *time.Timer

	window time.Time // events are counted from then on
	count  int
	rest   *time.Timer
	paused bool

	interval *time.Timer
	links    <-chan time.Time // nil where no link waits for its target
	pending  pending
}

// Start looks at everything, so that what it tells are the changes since then,
// and tells them until ctx ends. Who is busy is told of all changes meanwhile as
// one.
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
		volume: volumeState{entries: map[string]sight{}}, dirty: map[string]bool{},
		settle: stoppedTimer(), rest: stoppedTimer(), interval: stoppedTimer(),
	}
}

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
			w.failed(err)
		case <-w.settle.C:
			w.look()
		case <-w.interval.C:
			w.lookAtEverything()
		case <-w.links:
			w.lookAtLinks()
		case <-w.rest.C:
			w.paused = false
			continue
		case out <- next:
			w.pending = pending{}
		}
		next = w.pending.change()
	}
}
