package watch

import (
	"context"
	"time"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/scan/notify"
)

// betweenPasses is the time from the end of a pass to the next one, so that changes
// without end leave the processor and the scandir's lock to others. A change that comes
// meanwhile would wait that long for its burst to end anyway.
const betweenPasses = 500 * time.Millisecond

// wait waits for something to do, and does it.
func (w *watch) wait(ctx context.Context, changes <-chan notify.Change) {
	asked := false
	select {
	case <-ctx.Done():
		return
	case <-w.Again:
		w.work.add(everything)
		asked = true
	case c := <-changes:
		w.changed(c)
	case now := <-w.timer():
		w.work.add(w.again.due(now)...)
	}
	if len(w.work) == 0 {
		return
	}
	w.report(ctx, w.pass(ctx, asked))
	select {
	case <-ctx.Done():
	case <-time.After(betweenPasses):
	}
}

// timer fires when something is to be looked at again. It is nil where nothing is.
func (w *watch) timer() <-chan time.Time {
	at := w.again.first()
	if len(w.work) > 0 {
		at = w.retryAt
	}
	if at.IsZero() {
		return nil
	}
	return time.After(time.Until(at))
}

// changed notes what a change asks for. A profile that is gone needs a pass only where
// it has a slot.
func (w *watch) changed(c notify.Change) {
	if c.Trouble != nil {
		if m := message.Of(message.Warning, c.Trouble); w.troubles.New(m) {
			w.Tell(m)
		}
	}
	if c.All {
		w.work.add(everything)
	}
	w.work.add(c.Profiles...)
	for _, name := range c.Gone {
		w.told.Forget(func(s message.Subject) bool { return s.Profile == name })
		if reconcile.HasSlot(w.Pass.Scandir, name) {
			w.work.add(name)
		}
	}
}
