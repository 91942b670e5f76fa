package watch

import (
	"context"
	"time"

	"slotgen/internal/message"
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
		w.next.add(time.Now(), everything)
		asked = true
	case c := <-changes:
		w.addChange(c)
	case <-w.timer():
	}
	if len(w.next.due(time.Now())) == 0 {
		return
	}
	w.reportRefusal(ctx, w.pass(ctx, asked))
	select {
	case <-ctx.Done():
	case <-time.After(betweenPasses):
	}
}

// timer returns a channel that fires when the next look is due. It returns nil when none is
// scheduled.
func (w *watch) timer() <-chan time.Time {
	at := w.next.earliest()
	if at.IsZero() {
		return nil
	}
	if at.Before(w.retryAt) {
		at = w.retryAt
	}
	return time.After(time.Until(at))
}

// addChange schedules a look at a change and reports its trouble. A profile that is gone needs
// a pass only if it has a slot.
func (w *watch) addChange(c notify.Change) {
	if c.Trouble != nil {
		if m := message.Of(message.Warning, c.Trouble); w.troubles.New(m) {
			w.Tell(m)
		}
	}
	if c.All {
		w.next.add(time.Now(), everything)
	}
	w.next.add(time.Now(), c.Profiles...)
	for _, name := range c.Gone {
		w.reported.Forget(func(s message.Subject) bool { return s.Profile == name })
		if w.Pass.HasSlot(name) {
			w.next.add(time.Now(), name)
		}
	}
}
