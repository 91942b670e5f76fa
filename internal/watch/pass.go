package watch

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/render/scandir"
)

// pass makes one pass over what is due. An error means that the pass was refused; all of it
// remains due for a retry.
func (w *watch) pass(ctx context.Context, asked bool) error {
	defer debug.FreeOSMemory() // the next pass may be days away
	start := time.Now()
	o := w.Pass
	o.Only = w.next.take(start)
	report, err := w.run(ctx, o)
	if err != nil {
		w.retryAt = time.Now().Add(w.Interval)
		w.next.add(start, o.Only...)
		if o.Only == nil {
			w.next.add(start, everything)
		}
		return err
	}
	w.retryAt = time.Time{}
	w.tellOutcomes(report.Outcomes)
	w.Pass.Scan.Legacy = false // only the first pass migrates a container from before s6
	if asked {
		w.Tell(message.Event("%s", report.Summary(time.Since(start))))
	}
	w.finish(report)
	w.reported.Forget(func(s message.Subject) bool { return s.Profile == "" || o.Chosen(s.Profile) })
	if ctx.Err() == nil {
		w.reportReady()
	}
	return nil
}

func (w *watch) run(ctx context.Context, o reconcile.Options) (reconcile.Report, error) {
	set, err := w.Load()
	if err != nil {
		return reconcile.Report{}, err
	}
	o.Templates = set
	return reconcile.Run(ctx, o)
}

func (w *watch) tellOutcomes(outcomes []reconcile.Outcome) {
	for _, o := range outcomes {
		for _, text := range o.Warnings {
			w.tell(message.Warn("%s", text).About(o.Entry.Profile.Name))
		}
		if !o.News || o.Action == reconcile.Failed {
			continue
		}
		for _, m := range o.ChangeMessages() {
			w.tell(m)
		}
	}
	news := slices.DeleteFunc(slices.Clone(outcomes), func(o reconcile.Outcome) bool { return !o.News })
	for _, m := range reconcile.Failures(news) {
		w.tell(m)
	}
}

// isNews reports whether an outcome is a change or a new problem, or ends a problem that
// the watch has reported.
func (w *watch) isNews(o reconcile.Outcome) bool {
	seen := w.reported.Seen(message.Subject{Profile: o.Entry.Profile.Name, What: "outcome"}, problem(o))
	return !seen || o.Change == scandir.Created || o.Change == scandir.Updated
}

// problem describes the part of an outcome that every pass would report again, or returns "".
func problem(o reconcile.Outcome) string {
	switch {
	case o.Action == reconcile.Skipped || o.Action == reconcile.Failed:
		return string(o.Action) + ": " + o.Reason
	case o.Effect == scandir.NeedsRestart:
		return string(o.Effect)
	}
	return ""
}

// finish schedules another look at everything that the pass left undone.
func (w *watch) finish(report reconcile.Report) {
	now := time.Now()
	if report.Incomplete {
		w.next.add(now.Add(w.Interval), everything)
	}
	for _, o := range report.Outcomes {
		if o.Action == reconcile.Failed {
			w.next.add(now.Add(w.Interval), o.Entry.Profile.Name)
		}
	}
	unfinished, stuck := w.drain.Unfinished()
	for _, service := range unfinished {
		w.lookAgain(now.Add(drainEvery), service)
	}
	for _, service := range stuck {
		w.lookAgain(now.Add(w.Interval), service)
	}
	if len(report.Pruned) > 0 { // there may be room now
		w.next.add(now.Add(drainEvery), everything)
	}
}

// lookAgain schedules a look at the profile of a service.
func (w *watch) lookAgain(at time.Time, service string) {
	name, _ := w.Pass.Layout.ProfileOf(service)
	w.next.add(at, name)
}

// reportRefusal reports the error of a refused pass. That pass looked at nothing.
func (w *watch) reportRefusal(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		w.tell(message.Of(message.Error, err))
		w.reported.Forget(func(message.Subject) bool { return false })
	}
}

// reportReady calls Ready once, after the first pass.
func (w *watch) reportReady() {
	if w.Ready == nil {
		return
	}
	if err := w.Ready(); err != nil {
		w.tell(message.Of(message.Warning, err))
	}
	w.Ready = nil
}
