package reconcile

import (
	"slices"

	"slotgen/internal/asuser"
	"slotgen/internal/message"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Options configure a pass. From Only on, the zero values are the defaults of
// `slotgen reconcile`.
type Options struct {
	// Home is the volume's root. Scandir is the directory that s6-svscan scans. Both
	// are absolute paths.
	Home, Scandir string
	// Layout is the volume's layout.
	Layout scan.Layout
	// User is the volume's user. The pass does everything on the volume with the user's
	// credentials.
	User asuser.User
	// Scan selects the gateways that start. It also holds the fields that all profiles
	// share in templates.
	Scan scan.Options
	// Templates render the slots.
	Templates *render.Set
	// Access says who may control the services.
	Access scandir.Access
	// MaxServices is the number of services that s6-svscan takes, loggers counted.
	MaxServices int
	// Proc is /proc. The pass looks there for the supervisors of removed slots.
	Proc string
	// NoGateways is the word in the container's command that needs no gateways, or "".
	// When it is set, the pass skips every profile.
	NoGateways string
	// Tell gets every message at once. It must not block: the pass holds the scandir's
	// lock during the call.
	Tell func(message.Message)
	// Waiting gets a warning while the volume does not answer, from another goroutine. The
	// default is Tell.
	Waiting func(message.Message)

	// Only limits the pass to the profiles of these names. An empty list means all.
	Only []string
	// Explain gives an outcome also to entries that are no profiles, and to orphans.
	Explain bool
	// Live makes the pass find out for every slot whether it is live, also for slots
	// that the pass leaves alone.
	Live bool
	// Differences keeps the differences of every slot in its outcome. The pass always
	// keeps the differences of live slots.
	Differences bool
	// Resume removes the mark that a stop left in the scandir. Without it the pass over such
	// a scandir is refused.
	Resume bool
	// Rescan makes s6-svscan scan the scandir after the last slot.
	Rescan bool
	// Prune removes orphans. Without it the pass only names them.
	Prune bool

	// KeepDown neither adds nor removes the down file of an existing slot: after the boot
	// only the operator decides which services start.
	KeepDown bool
	// Drain ends the services of orphans in steps, one in each pass. When it is nil, the
	// pass waits until they have ended.
	Drain scandir.Drain
	// Orphans decides which orphans the pass acts on. The default is all of them.
	Orphans OrphanRule
	// News reports whether the boot log gets an outcome. The default is all outcomes.
	News func(Outcome) bool
}

// OrphanRule decides which orphans a pass acts on.
type OrphanRule interface {
	// Doubt returns the reason why slots without a profile in this listing may still have
	// one, or nil. With a reason, a pass that prunes leaves all of them alone.
	Doubt(list scan.Listing) error
	// Confirm returns the orphans that the pass removes, or names when it does not prune.
	// It gets the orphans of every look, and none when the look left doubt.
	Confirm(orphans []string) []string
	// Reset restarts the confirmation of an orphan whose profile may be back.
	Reset(service string)
}

// everyOrphan is an OrphanRule that confirms every orphan at once.
type everyOrphan struct{}

func (everyOrphan) Doubt(scan.Listing) error { return nil }

func (everyOrphan) Confirm(orphans []string) []string { return orphans }

func (everyOrphan) Reset(string) {}

// withDefaults fills in the fields that the caller left out.
func (o Options) withDefaults() Options {
	if o.Waiting == nil {
		o.Waiting = o.Tell
	}
	if o.Orphans == nil {
		o.Orphans = everyOrphan{}
	}
	if o.News == nil {
		o.News = func(Outcome) bool { return true }
	}
	return o
}

// Chosen reports whether the pass looks at the profile of that name: Only names it, or is
// empty.
func (o Options) Chosen(name string) bool {
	return len(o.Only) == 0 || slices.Contains(o.Only, name)
}
