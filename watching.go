package main

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
	"slotgen/scan/watch"
)

// watching is `slotgen watch`: passes over what has changed, one after the other.
type watching struct {
	settings
	msg      messages
	role     scan.Role
	pruning  bool
	interval time.Duration
	ready    *os.File // nil when readiness was reported, or nobody waits for it
	hup      chan os.Signal

	memory *memory
	// troubles are what was said of inotify, which no pass looks at.
	troubles dedupe
	owed     owed // to the next pass
	// failing is what is tried again at retryAt.
	failing owed
	retryAt time.Time
	// notBefore keeps passes that follow from an earlier one apart.
	notBefore time.Time
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
	changes := watch.Start(ctx, watch.Options{
		Home: w.home, Templates: cmp.Or(w.templates, defaultTemplates), Interval: w.interval,
	})
	w.owed.all = true
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
func (w *watching) wait(ctx context.Context, changes <-chan watch.Change) {
	again, at := w.memory.next()
	if !at.IsZero() && at.Before(w.notBefore) {
		at = w.notBefore
	}
	var timer <-chan time.Time
	if next := earlier(at, w.retryAt); !next.IsZero() {
		timer = time.After(time.Until(next))
	}
	asked := false
	select {
	case <-ctx.Done():
		return
	case <-w.hup:
		w.owed.all, asked = true, true
	case c := <-changes:
		w.changed(c)
	case now := <-timer:
		if !at.IsZero() && !now.Before(at) {
			w.owed.add(again...)
			w.memory.leavingAt, w.notBefore = time.Time{}, now.Add(leavingEvery)
		}
		if !w.retryAt.IsZero() && !now.Before(w.retryAt) {
			w.owed.merge(w.failing)
		}
	}
	if !w.owed.isEmpty() {
		w.report(ctx, w.pass(ctx, asked))
		select {
		case <-ctx.Done():
		case <-time.After(betweenPasses):
		}
	}
}

// changed notes what a change asks for. Of what is gone only a slot that stands
// needs a pass.
func (w *watching) changed(c watch.Change) {
	if c.Trouble != nil && !w.troubles.Seen(subject{}, c.Trouble.Error()) {
		w.msg.line("warning: %s", c.Trouble)
		w.msg.hint(c.Trouble)
	}
	w.owed.all = w.owed.all || c.All
	w.owed.add(c.Profiles...)
	for _, name := range c.Gone {
		w.msg.seen.Forget(func(s subject) bool { return s.profile == name })
		if hasSlot(w.scandir, name) {
			w.owed.add(name)
		}
	}
}

// pass makes one pass over what is owed. Its error means that it was refused, and
// all is still owed.
func (w *watching) pass(ctx context.Context, asked bool) error {
	defer debug.FreeOSMemory() // the next pass may be days away
	start := time.Now()
	p := pass{
		settings: w.settings, msg: w.msg, role: w.role, only: w.owed.only(),
		rescan: true, pruning: w.pruning, memory: w.memory,
	}
	p.set, p.noTemplates = readTemplates(w.templates)
	outcomes, err := p.run(ctx)
	p.close()
	if err != nil {
		w.notBefore = time.Now().Add(w.interval)
		w.retryAt = w.notBefore
		return err
	}
	if soon := time.Now().Add(leavingEvery); w.notBefore.After(soon) {
		w.notBefore = soon // what kept the last pass from its work is over
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

// settle notes what the pass has left to be tried again.
func (w *watching) settle(p *pass, outcomes []outcome) {
	for name := range w.failing.names {
		if p.chosen(name) {
			delete(w.failing.names, name)
		}
	}
	limited := len(p.only) > 0 // it did not look at what failed beside the profiles
	w.failing.all = p.incomplete || w.failing.all && limited
	for _, o := range outcomes {
		if o.action == actionFailed {
			w.failing.add(o.entry.Profile.Name)
		}
	}
	_, stuck := w.memory.leaving.Unfinished()
	for _, service := range stuck {
		w.failing.add(profileOf(service))
	}
	w.owed = owed{}
	now := time.Now()
	switch {
	case w.failing.isEmpty():
		w.retryAt = time.Time{}
	case p.pruned > 0: // there may be room now
		w.retryAt = now.Add(leavingEvery)
	case !now.Before(w.retryAt):
		w.retryAt = now.Add(w.interval)
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
