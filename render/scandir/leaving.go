package scandir

import (
	"slices"
	"strings"
	"time"

	"slotgen/scan"
)

// stepLimit is what a prune in steps waits for, so that a service which obeys is
// gone in one call.
const stepLimit = 100 * time.Millisecond

// Leaving remembers the services that are on their way out of a scandir, from
// one Prune or Sweep to the next. The zero value knows of none.
type Leaving struct{ all map[string]*leaver } // by their hidden names

// leaver is one service on its way out.
type leaver struct {
	name   string // where it stood at first, for messages
	dir    scan.FileID
	hidden string    // where s6-svscan passes over it
	asked  time.Time // since when it is to go down
	since  time.Time // since when it is hidden, zero while it can be seen

	toldDown   bool // the service, to go down
	justHidden bool // s6-svscan, to let go of it
	toldExit   bool // the supervisor of a service that has ended
	loggerTold bool
	gone       bool
	err        error
}

// idAt tells a directory from another one of its name: another pass may have pruned a
// service and made it anew meanwhile.
func idAt(fd int, name string) scan.FileID {
	id, _ := scan.FileIDAt(fd, name) // that there is none tells as well
	return id
}

func (l *leaver) isHidden() bool { return !l.since.IsZero() }

func (l *leaver) hide(since time.Time) { l.since, l.justHidden = since, true }

// PruneInSteps makes Prune and Sweep wait for a tenth of a second at most and
// leave the rest to the next call, for who has others to serve. Leaving keeps
// the time, so that the bounds of Prune hold from the first call on. A service that
// is still up then is ErrLeaving; one that is out of s6-svscan's sight counts as
// pruned, and a later Sweep sees its last supervisor off.
func (d *Dir) PruneInSteps(l *Leaving) {
	d.leaving = l
	l.keep(d)
}

// TakeNoMoreTime has the next Prune hide what was told to go, ended or not. It is for
// who will not be there to hide it: a later Sweep sees it off.
func (l *Leaving) TakeNoMoreTime() {
	for _, each := range l.all {
		each.asked = time.Time{}
	}
}

// Unfinished returns the services that another Prune or Sweep has to see to, and
// those that were given up as their supervisors stay, both sorted.
func (l *Leaving) Unfinished() (services, stuck []string) {
	for _, each := range l.all {
		if each.err == nil {
			services = append(services, each.service())
		} else {
			stuck = append(stuck, each.service())
		}
	}
	slices.Sort(services)
	slices.Sort(stuck)
	return services, stuck
}

// Asked returns the services that were told to go down and can still be seen.
func (l *Leaving) Asked() []string {
	var services []string
	for _, each := range l.all {
		if !each.isHidden() {
			services = append(services, each.name)
		}
	}
	slices.Sort(services)
	return services
}

func (l *leaver) service() string {
	service, _ := AsideOf(l.hidden)
	return service
}

// take returns what is known of each name. What was given up before gets another
// look.
func (l *Leaving) take(names []string, d *Dir) []*leaver {
	if l.all == nil {
		l.all = map[string]*leaver{}
	}
	taken := make([]*leaver, 0, len(names))
	for _, name := range names {
		hidden := name
		if !strings.HasPrefix(name, ".") {
			hidden = asideName(name)
		}
		known := l.all[hidden]
		if known == nil {
			known = &leaver{name: name, dir: idAt(d.fd, name), hidden: hidden, asked: time.Now()}
			if name == hidden {
				known.hide(d.hiddenSince(name))
			}
			l.all[hidden] = known
		}
		known.err = nil
		taken = append(taken, known)
	}
	return taken
}

// settle returns what went wrong, by the services' names, and forgets those that
// are gone or were not moved. In steps it is enough that a service is hidden.
func (l *Leaving) settle(all []*leaver, inSteps bool) map[string]error {
	errs := map[string]error{}
	for _, each := range all {
		pruned := each.gone || inSteps && each.isHidden()
		switch {
		case each.err != nil:
			errs[each.name] = each.err
		case !pruned:
			errs[each.name] = ErrLeaving
		}
		if each.gone || each.err != nil && !each.isHidden() {
			delete(l.all, each.hidden)
		}
	}
	return errs
}

// keep forgets what no longer stands where it was left.
func (l *Leaving) keep(d *Dir) {
	for hidden, each := range l.all {
		stands := each.name
		if each.isHidden() {
			stands = hidden
		}
		if idAt(d.fd, stands) != each.dir {
			delete(l.all, hidden)
		}
	}
}

// isLeaving tells whether a hidden name is one that a prune has hidden.
func (l *Leaving) isLeaving(hidden string) bool {
	return l != nil && l.all[hidden] != nil
}
