package watch

import (
	"context"
	"time"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/scan/notify"
)

// betweenPasses is the shortest time from the end of a pass to the next one. It leaves the
// processor and the scandir's lock to others while changes never stop. A change in that
// time may wait as long anyway, for the end of its burst.
const betweenPasses = 500 * time.Millisecond

// wait waits for a change, a signal or the timer, and makes a pass if there is work.
func (w *watch) wait(ctx context.Context, changes <-chan notify.Change) {
	asked := false
	select {
	case <-ctx.Done():
		return
	case <-w.Again:
		w.work.add(everything)
		asked = true
	case c := <-changes:
		w.addChange(c)
	case now := <-w.timer():
		w.work.add(w.again.due(now)...)
	}
	if len(w.work) == 0 {
		return
	}
	w.reportRefusal(ctx, w.pass(ctx, asked))
	select {
	case <-ctx.Done():
	case <-time.After(betweenPasses):
	}
}

// timer returns a channel that fires when the next look or retry is due. It returns nil when
// none is scheduled.
func (w *watch) timer() <-chan time.Time {
	at := w.again.earliest()
	if len(w.work) > 0 {
		at = w.retryAt
	}
	if at.IsZero() {
		return nil
	}
	return time.After(time.Until(at))
}

// addChange adds a change to the work and reports its trouble. A profile that is gone needs
// a pass only if it has a slot.
func (w *watch) addChange(c notify.Change) {
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
		w.reported.Forget(func(s message.Subject) bool { return s.Profile == name })
		if reconcile.HasSlot(w.Pass.Scandir, name) {
			w.work.add(name)
		}
	}
}
