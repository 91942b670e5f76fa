// Package watch keeps a scandir true to a volume while the container lives: it makes
// pass after pass over what has changed.
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

// Options say what is watched.
type Options struct {
	// Pass is what every pass is to do. The watch sets what differs from one pass to
	// the next, and Tell.
	Pass reconcile.Options
	// Tell gets what the watch has to tell, once. It must not block.
	Tell func(message.Message)
	// Templates is the override directory, which may be missing, and Load reads it.
	Templates string
	Load      func() (*render.Set, error)
	// Interval is the time from one look at everything to the next.
	Interval time.Duration
	// Ready is called once, when all slots exist.
	Ready func() error
	// Again makes the watch look at everything, and tell a summary.
	Again <-chan os.Signal
}

// watch is what `slotgen watch` keeps from one pass to the next.
type watch struct {
	Options
	drain   *scandir.Drain
	orphans orphans
	// told is what earlier passes told. Troubles is what was told of inotify, which no
	// pass looks at.
	told, troubles message.Dedupe

	// work is what the next pass looks at. Where the last one was refused some is left,
	// and only a change or a signal makes another pass before retryAt.
	work    workset
	retryAt time.Time
	// again is what is looked at again though nothing changes.
	again schedule
}

func newWatch(o Options) *watch {
	w := &watch{
		Options: o, drain: &scandir.Drain{},
		told: message.Dedupe{}, troubles: message.Dedupe{},
		work: workset{everything: true}, again: schedule{},
	}
	w.orphans = orphans{map[string]time.Time{}, w.again}
	p := &w.Pass
	p.Tell, p.Drain, p.Orphans, p.News = w.tell, w.drain, w.orphans, w.isNews
	p.KeepDown, p.Rescan, p.Differences = true, true, true
	return w
}

// Run watches until ctx ends. Its error means that it could not begin.
func Run(ctx context.Context, o Options) error {
	w := newWatch(o)
	if why := w.idle(); why != "" {
		w.tell(message.Event("%s", why))
		w.reportReady()
		<-ctx.Done()
		return nil
	}
	changes := notify.Start(ctx, notify.Options{Home: o.Pass.Home, Templates: o.Templates, Interval: o.Interval})
	err := w.pass(ctx, true)
	if err != nil && !errors.Is(err, scandir.ErrHeld) && ctx.Err() == nil {
		return err
	}
	w.report(ctx, err)
	for ctx.Err() == nil {
		w.wait(ctx, changes)
	}
	if err := w.hideTakenDown(); err != nil {
		w.tell(message.Of(message.Warning, err))
	}
	return nil
}

// tell tells what earlier passes have not told.
func (w *watch) tell(m message.Message) {
	if w.told.New(m) {
		w.Tell(m)
	}
}

// idle says why there is nothing to do in this container, or "".
func (w *watch) idle() string {
	if word := w.Pass.NoGateways; word != "" {
		return fmt.Sprintf("watch: skipping (%s container — does not need per-profile gateways)", word)
	}
	if w.Pass.Scan.Autostart == scan.None {
		return "watch: skipping (autostart none — the gateways are another container's)"
	}
	return ""
}
