package reconcile

import (
	"context"
	"slices"

	"slotgen/internal/message"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Options say what a pass is to do. The zero value of each field from Only on is
// what `slotgen reconcile` does without flags.
type Options struct {
	// Home is the volume's root, Scandir the directory that s6-svscan scans. Both
	// are absolute paths.
	Home, Scandir string
	// Scan says which gateways start, and what templates see of every profile.
	Scan scan.Options
	// Templates render the slots.
	Templates *render.Set
	// Access says who may control the services.
	Access scandir.Access
	// MaxServices is how many services s6-svscan takes, loggers counted.
	MaxServices int
	// NoGateways is the word that makes this a container without gateways of its
	// own, or "": then every profile is skipped.
	NoGateways string
	// Tell gets every message of the pass as it arises. It must not block: the pass
	// holds the scandir's lock meanwhile.
	Tell func(message.Message)

	// Only names the profiles that the pass is limited to. None means all.
	Only []string
	// Explain gives entries that are no profiles a step, too.
	Explain bool
	// Live has the pass ask about every slot whether it is live, also where nothing
	// is planned for it.
	Live bool
	// Differences keeps in the outcomes how each slot differs. Those of live slots are
	// always kept.
	Differences bool
	// Rescan makes s6-svscan scan the scandir after the last slot.
	Rescan bool
	// Prune removes orphans. Without it they are named.
	Prune bool

	// KeepDown leaves each slot that exists with or without its down file, as it is:
	// after the boot only the operator changes what starts.
	KeepDown bool
	// Drain ends the services of orphans. By default the pass waits until they have ended;
	// a scandir.Drain does it in steps.
	Drain Drainer
	// Orphans decides which orphans the pass acts on. By default it is all of them.
	Orphans OrphanRule
	// News decides which outcomes are news, which the boot log gets. By default all are.
	News func(Outcome) bool
}

// Drainer ends services and removes their service directories.
type Drainer interface {
	// Keep forgets the services that others have removed since.
	Keep(dir *scandir.Dir)
	// Step ends the services of these names, and returns by name what kept one from
	// ending. An error that is scandir.ErrDraining says that it needs more time.
	Step(ctx context.Context, dir *scandir.Dir, names []string) map[string]error
	// Asked returns the services that were taken down and are not hidden yet.
	Asked() []string
	// Has reports whether a service was taken down and has not ended.
	Has(service string) bool
}

// OrphanRule decides which orphans a pass acts on.
type OrphanRule interface {
	// Confirm returns the orphans to be named, or removed where the pass prunes.
	// Chosen reports whether the pass looks at the profile of that name.
	Confirm(orphans []string, chosen func(name string) bool) []string
	// Reset restarts the confirmation of an orphan whose profile may be back.
	Reset(service string)
}

// waitingDrain waits until the services have ended.
type waitingDrain struct{}

func (waitingDrain) Keep(*scandir.Dir) {}

func (waitingDrain) Step(ctx context.Context, dir *scandir.Dir, names []string) map[string]error {
	return dir.Prune(ctx, names)
}

func (waitingDrain) Asked() []string { return nil }

func (waitingDrain) Has(string) bool { return false }

// everyOrphan acts on all orphans at once.
type everyOrphan struct{}

func (everyOrphan) Confirm(orphans []string, _ func(string) bool) []string { return orphans }

func (everyOrphan) Reset(string) {}

// withDefaults fills in what the caller left out.
func (o Options) withDefaults() Options {
	if o.Drain == nil {
		o.Drain = waitingDrain{}
	}
	if o.Orphans == nil {
		o.Orphans = everyOrphan{}
	}
	if o.News == nil {
		o.News = func(Outcome) bool { return true }
	}
	return o
}

// Chosen reports whether the pass looks at the profile of that name.
func (o Options) Chosen(name string) bool {
	return len(o.Only) == 0 || slices.Contains(o.Only, name)
}
