package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"slotgen/render/scandir"
	"slotgen/scan"
	"slotgen/scan/notify"
)

// watching is `slotgen watch`: passes over what has changed, one after the other.
type watching struct {
	settings
	msg      messages
	role     scan.Role
	pruning  bool
	interval time.Duration
	ready    *os.File // nil when readiness was reported, or nobody waits for it
	hup      <-chan os.Signal

	memory *memory
	// troubles are what was said of inotify, which no pass looks at.
	troubles dedupe
	// work is what the next pass looks at. Some is left where the last one was refused,
	// and nothing but a change or a signal makes another before retryAt.
	work    workset
	retryAt time.Time
}

// betweenPasses is the time from the end of a pass to the next one, so that changes
// without end leave the processor and the scandir's lock to others. A change that comes
// meanwhile would wait that long for its burst to end anyway.
const betweenPasses = 500 * time.Millisecond

// run watches until ctx ends. Its error means that it could not begin.
func (w *watching) run(ctx context.Context) error {
	if why := w.sleeps(); why != "" {
		w.msg.line("%s", why)
		w.reportReady()
		<-ctx.Done()
		return nil
	}
	changes := notify.Start(ctx, notify.Options{
		Home: w.home, Templates: cmp.Or(w.templates, defaultTemplates), Interval: w.interval,
	})
	err := w.pass(ctx, true)
	if err != nil && !errors.Is(err, scandir.ErrHeld) && ctx.Err() == nil {
		return err
	}
	w.report(ctx, err)
	for ctx.Err() == nil {
		w.wait(ctx, changes)
	}
	if err := w.letGo(); err != nil {
		w.msg.warnOf(err, err.Error())
	}
	return nil
}

// lastLock bounds how long a watch that ends waits for another pass. One that prunes may
// take longer; a container that stops does not.
const lastLock = 5 * time.Second

// letGo hides what was told to go and can still be seen: nobody else knows of it, and
// where its profile is back it would stay down.
func (w *watching) letGo() error {
	leaving := &w.memory.leaving
	if len(leaving.Asked()) == 0 {
		return nil
	}
	dir, err := scandir.Open(w.scandir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Lock(context.Background(), lastLock); err != nil {
		return err
	}
	leaving.Keep(dir)
	leaving.TakeNoMoreTime()
	return errors.Join(slices.Collect(maps.Values(leaving.Step(context.Background(), dir, leaving.Asked())))...)
}

// sleeps says why there is nothing to do in this container, or "".
func (w *watching) sleeps() string {
	if word := w.role.NoGateways(); word != "" {
		return fmt.Sprintf("watch: skipping (%s container — does not need per-profile gateways)", word)
	}
	if w.autostart == scan.None {
		return "watch: skipping (autostart none — the gateways are another container's)"
	}
	return ""
}

// wait waits for something to do, and does it.
func (w *watching) wait(ctx context.Context, changes <-chan notify.Change) {
	at := w.memory.again.first()
	if len(w.work) > 0 {
		at = w.retryAt
	}
	var timer <-chan time.Time
	if !at.IsZero() {
		timer = time.After(time.Until(at))
	}
	asked := false
	select {
	case <-ctx.Done():
		return
	case <-w.hup:
		w.work.add(everything)
		asked = true
	case c := <-changes:
		w.changed(c)
	case now := <-timer:
		w.work.add(w.memory.again.due(now)...)
	}
	if len(w.work) > 0 {
		w.report(ctx, w.pass(ctx, asked))
		select {
		case <-ctx.Done():
		case <-time.After(betweenPasses):
		}
	}
}

// changed notes what a change asks for. Of what is gone only a slot that stands
// needs a pass.
func (w *watching) changed(c notify.Change) {
	if c.Trouble != nil && !w.troubles.Seen(subject{}, c.Trouble.Error()) {
		w.msg.line("warning: %s", c.Trouble)
		w.msg.hint(c.Trouble)
	}
	if c.All {
		w.work.add(everything)
	}
	w.work.add(c.Profiles...)
	for _, name := range c.Gone {
		w.msg.seen.Forget(func(s subject) bool { return s.profile == name })
		if hasSlot(w.scandir, name) {
			w.work.add(name)
		}
	}
}

// pass makes one pass over the work. Its error means that it was refused, and all of the
// work is left.
func (w *watching) pass(ctx context.Context, asked bool) error {
	defer debug.FreeOSMemory() // the next pass may be days away
	start := time.Now()
	p := pass{
		settings: w.settings, msg: w.msg, role: w.role, only: w.work.only(),
		rescan: true, pruning: w.pruning, memory: w.memory,
	}
	p.set, p.noTemplates = readTemplates(w.templates)
	w.memory.again.looked(p.chosen)
	outcomes, err := p.run(ctx)
	p.close()
	if err != nil {
		w.retryAt = time.Now().Add(w.interval)
		return err
	}
	for _, o := range outcomes {
		msg := w.msg.about(o.entry.Profile.Name)
		msg.warnAll(o.warnings)
		if o.isNews {
			o.tellChange(msg)
		}
	}
	w.role = scan.Role{} // a container from before s6 is told by its role once, at its boot
	if asked {
		w.msg.line("%s", summary(outcomes, p.pruned, time.Since(start)))
	}
	w.settle(&p, outcomes)
	w.msg.seen.Forget(func(s subject) bool { return s.profile == "" || p.chosen(s.profile) })
	if ctx.Err() == nil {
		w.reportReady()
	}
	return nil
}

// settle empties the work, and notes when to look again at what the pass has left.
func (w *watching) settle(p *pass, outcomes []outcome) {
	w.work = workset{}
	again, now := w.memory.again, time.Now()
	if p.incomplete {
		again.add(everything, now.Add(w.interval))
	}
	for _, o := range outcomes {
		if o.action == actionFailed {
			again.add(o.entry.Profile.Name, now.Add(w.interval))
		}
	}
	unfinished, stuck := w.memory.leaving.Unfinished()
	for _, service := range unfinished {
		again.add(profileOf(service), now.Add(leavingEvery))
	}
	for _, service := range stuck {
		again.add(profileOf(service), now.Add(w.interval))
	}
	if p.pruned > 0 { // there may be room now
		again.hurry(now.Add(leavingEvery))
	}
}

// report says why a pass was refused. That pass looked at nothing.
func (w *watching) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		w.msg.fail(err)
		w.msg.seen.Forget(func(subject) bool { return false })
	}
}

func (w *watching) reportReady() {
	if w.ready == nil {
		return
	}
	if err := notifyReady(w.ready); err != nil {
		w.msg.warnOf(err, err.Error())
	}
	w.ready = nil
}
