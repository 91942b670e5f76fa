package notify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
)

// pending holds the changes that the watcher has not reported yet.
type pending struct {
	all     bool
	names   map[string]bool // profiles, true for those that exist
	trouble error
}

func (p *pending) add(name string, exists bool) {
	if p.names == nil {
		p.names = map[string]bool{}
	}
	p.names[name] = exists
}

func (p *pending) empty() bool { return !p.all && len(p.names) == 0 && p.trouble == nil }

func (p *pending) change() Change {
	c := Change{All: p.all, Trouble: p.trouble}
	for name, exists := range p.names {
		if exists {
			c.Profiles = append(c.Profiles, name)
		} else {
			c.Gone = append(c.Gone, name)
		}
	}
	slices.Sort(c.Profiles)
	slices.Sort(c.Gone)
	return c
}

// inotifyFailed handles an error of inotify, which may have lost events.
func (w *watcher) inotifyFailed(err error) {
	w.trouble(err)
	w.scheduleLook()
}

// trouble shortens the interval from the next look on, and records the error as the reason.
func (w *watcher) trouble(err error) {
	w.Interval = min(w.Interval, fallback)
	w.pending.trouble = newTrouble(err, w.Home, w.Interval)
}

func newTrouble(err error, home string, interval time.Duration) error {
	trouble := fmt.Errorf("watching home %q by inotify: %w: looking at everything every %s", home, err, interval)
	switch {
	case errors.Is(err, unix.ENOSPC):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_user_watches")
	case errors.Is(err, unix.EMFILE):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_user_instances")
	case errors.Is(err, fsnotify.ErrEventOverflow):
		return hint.Add(trouble, "the limit is the kernel's fs.inotify.max_queued_events")
	}
	return trouble
}
