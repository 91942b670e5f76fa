package scandir

import (
	"context"
	"maps"
	"slices"
	"time"

	"slotgen/scan"
)

// stepLimit is what a prune in steps waits for, so that a service which obeys is
// gone in one call.
const stepLimit = 100 * time.Millisecond

// Drain remembers the services that are on their way out of a scandir, for who has
// others to serve: from one Step to the next. The zero value knows of none.
type Drain struct{ all map[string]*leaver } // by their hidden names

// leaver is one service on its way out.
type leaver struct {
	name     string // where it stood at first, for messages
	dir      scan.FileID
	hidden   string // where s6-svscan passes over it
	progress progress
	asked    time.Time // since when it is to go down
	since    time.Time // since when it is hidden
	err      error
}

// progress is how far a service has gone: each comes after the one before it, and some
// are left out.
type progress int

const (
	askedDown  progress = iota
	outOfSight          // of s6-svscan, which holds it still
	released            // by s6-svscan
	exitTold            // to its supervisor, when the service had ended
	loggerTold          // that there is no more to read
	gone
)

// idAt tells a directory from another one of its name: another pass may have pruned a
// service and made it anew meanwhile.
func idAt(fd int, name string) scan.FileID {
	id, _ := scan.FileIDAt(fd, name) // that there is none tells as well
	return id
}

func (l *leaver) isHidden() bool { return l.progress >= outOfSight }

func (l *leaver) hide(since time.Time) { l.since, l.progress = since, outOfSight }

// Step is Prune for a tenth of a second at most, and leaves the rest to the next Step.
// Drain keeps the time, so that the bounds of Prune hold from the first one on. A
// service that is still up then is ErrDraining; one that is out of s6-svscan's sight
// counts as pruned, and a later Step sees its last supervisor off.
func (l *Drain) Step(ctx context.Context, d *Dir, names []string) map[string]error {
	now, later := apart(names)
	errs := l.settle(l.seeOff(ctx, d, now, stepLimit), outOfSight)
	later = slices.DeleteFunc(later, func(name string) bool {
		waits := ctx.Err() != nil || l.Has(name)
		if waits {
			errs[name] = errNotBegun
		}
		return waits
	})
	maps.Copy(errs, l.settle(l.seeOff(ctx, d, later, stepLimit), outOfSight))
	return errs
}

// Has tells whether a service was told to go, and has not gone to its last supervisor.
func (l *Drain) Has(service string) bool { return l.all[hiddenName(service)] != nil }

// TakeNoMoreTime has the next Step hide what was told to go, ended or not. It is for
// who will not be there to hide it: a later Sweep sees it off.
func (l *Drain) TakeNoMoreTime() {
	for _, each := range l.all {
		each.asked = time.Time{}
	}
}

// Unfinished returns the services that another Step has to see to, and
// those that were given up as their supervisors stay, both sorted.
func (l *Drain) Unfinished() (services, stuck []string) {
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
func (l *Drain) Asked() []string {
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
	service, _ := ParseHidden(l.hidden)
	return service
}

// take returns what is known of each name, and tells those that are not known to go.
// What was given up before gets another look.
func (l *Drain) take(names []string, d *Dir) []*leaver {
	if l.all == nil {
		l.all = map[string]*leaver{}
	}
	taken := make([]*leaver, 0, len(names))
	for _, name := range names {
		aside := name
		if !isHidden(name) {
			aside = hiddenName(name)
		}
		known := l.all[aside]
		if known == nil {
			known = &leaver{name: name, dir: idAt(d.fd, name), hidden: aside, asked: time.Now()}
			l.all[aside] = known
			if name == aside {
				known.hide(d.hiddenSince(name))
			} else {
				// Once: to many a program a second TERM means to drop everything. What does
				// not heed it is hidden all the same.
				_, _ = d.tell("d", name+"/supervise/control")
			}
		}
		known.err = nil
		taken = append(taken, known)
	}
	return taken
}

// settle returns what went wrong, by the services' names, and forgets those that
// are gone or were not moved. Others count as pruned when they have come far enough.
func (l *Drain) settle(all []*leaver, enough progress) map[string]error {
	errs := map[string]error{}
	for _, each := range all {
		switch {
		case each.err != nil:
			errs[each.name] = each.err
		case each.progress < enough:
			errs[each.name] = ErrDraining
		}
		if each.progress == gone || each.err != nil && !each.isHidden() {
			delete(l.all, each.hidden)
		}
	}
	return errs
}

// Keep forgets what no longer stands where it was left: others have seen it off.
func (l *Drain) Keep(d *Dir) {
	for aside, each := range l.all {
		stands := each.name
		if each.isHidden() {
			stands = aside
		}
		if idAt(d.fd, stands) != each.dir {
			delete(l.all, aside)
		}
	}
}
