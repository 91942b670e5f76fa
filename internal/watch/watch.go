// Package watch keeps a scandir in line with a volume while the container lives. It makes
// one pass after the other over the changed profiles.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
	"slotgen/scan/notify"
)

// Options configure a watch.
type Options struct {
	// Pass holds the options of every pass. The watch sets the fields that differ from one
	// pass to the next, the fields that only a watch uses, and Tell.
	Pass reconcile.Options
	// Tell gets the messages of the watch, each once. It must not block.
	Tell func(message.Message)
	// Templates is the override directory, which may be missing. Load reads it.
	Templates string
	Load      func() (*render.Set, error)
	// PruneAfter is the time for which the profile of a slot has to be missing before the
	// watch prunes the slot.
	PruneAfter time.Duration
	// Interval is the time from one look at everything to the next.
	Interval time.Duration
	// Ready, unless nil, is called once: after the first pass, or at once when this
	// container needs no passes.
	Ready func() error
	// Again makes the watch look at everything and report a summary.
	Again <-chan os.Signal
}

// watch is the state that `slotgen watch` keeps between passes.
type watch struct {
	Options
	drain   scandir.Drain
	orphans *orphans
	// reported holds the messages of earlier passes. Troubles holds the messages about
	// inotify, which no pass looks at.
	reported, troubles message.Dedupe

	// next schedules the looks. After a refused pass, only a change or a signal starts
	// another pass before retryAt.
	next    schedule
	retryAt time.Time
}

func newWatch(o Options) *watch {
	w := &watch{
		Options: o, drain: scandir.Drain{},
		reported: message.Dedupe{}, troubles: message.Dedupe{},
		next: schedule{everything: time.Now()},
	}
	p := &w.Pass
	p.Waiting = o.Tell
	after := nameAfter
	if p.Prune {
		after = o.PruneAfter
	}
	w.orphans = newOrphans(after, w.next, p.Layout)
	p.Tell, p.Drain, p.Orphans, p.News = w.tell, w.drain, w.orphans, w.isNews
	p.KeepDown, p.Rescan, p.Differences = true, true, true
	return w
}

// Run watches until ctx ends. It returns an error when the first pass was refused, unless
// another slotgen held the lock.
func Run(ctx context.Context, o Options) error {
	w := newWatch(o)
	if why := w.idle(); why != "" {
		w.tell(message.Event("%s", why))
		w.reportReady()
		<-ctx.Done()
		return nil
	}
	changes := notify.Start(ctx, notify.Options{
		Home: o.Pass.Home, Layout: o.Pass.Layout, User: o.Pass.User, Templates: o.Templates, Interval: o.Interval,
		Slow: func(path string, waited time.Duration) { o.Tell(message.Waiting(path, waited)) },
	})
	err := w.pass(ctx, true)
	if err != nil && !errors.Is(err, scandir.ErrHeld) && ctx.Err() == nil {
		return err
	}
	w.reportRefusal(ctx, err)
	for ctx.Err() == nil {
		w.wait(ctx, changes)
	}
	if err := w.hideTakenDown(); err != nil {
		w.tell(message.Of(message.Warning, err))
	}
	return nil
}

// tell reports a message that earlier passes have not reported.
func (w *watch) tell(m message.Message) {
	if w.reported.New(m) {
		w.Tell(m)
	}
}

// idle returns the reason why this container needs no passes, or "".
func (w *watch) idle() string {
	if word := w.Pass.NoGateways; word != "" {
		return fmt.Sprintf("watch: skipping (%s container — does not need per-profile gateways)", word)
	}
	if w.Pass.Scan.Autostart == scan.None {
		return "watch: skipping (autostart none — the gateways are another container's)"
	}
	return ""
}
