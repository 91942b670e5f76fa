package notify

import (
	"errors"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
)

// inotifyFailed handles an error of inotify. After an overflow, events are lost, and it has
// everything looked at. After any other error it also closes inotify, which could lose more.
func (w *watcher) inotifyFailed(err error) {
	w.trouble(err)
	if !isOverflow(err) {
		w.notify.close()
		w.notify = nil
	}
	w.dirtyAll, w.dirtyTree = true, true
	w.scheduleLook(time.Now())
}

// trouble shortens the interval, and records the error as the reason.
func (w *watcher) trouble(err error) {
	if w.Interval > fallback {
		w.Interval = fallback
		w.interval.Reset(w.Interval)
	}
	w.pending.trouble = newTrouble(err, w.Home, w.Interval)
}

func isOverflow(err error) bool { return errors.Is(err, fsnotify.ErrEventOverflow) }

// troubleError says why inotify is not reliable, and how often the watcher looks instead.
type troubleError struct {
	err      error
	home     string
	interval time.Duration
}

func (e troubleError) Error() string {
	return fmt.Sprintf("watching home %q by inotify: %s: looking at everything every %s", e.home, e.err, e.interval)
}

func (e troubleError) Unwrap() error { return e.err }

func newTrouble(err error, home string, interval time.Duration) error {
	trouble := troubleError{err: err, home: home, interval: interval}
	switch {
	case errors.Is(err, unix.ENOSPC):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_user_watches")
	case errors.Is(err, unix.EMFILE):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_user_instances")
	case isOverflow(err):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_queued_events")
	}
	return trouble
}
