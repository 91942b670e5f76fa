package scandir

import (
	"context"
	"maps"
	"slices"
	"time"

	"slotgen/scan"
)

// stepLimit bounds the wait of one Step. A service that ends at once is removed within one
// Step.
const stepLimit = 100 * time.Millisecond

// Drain takes services down and removes them over several Steps. Its caller can serve other
// slots between two Steps. It holds each service by its name, from the down command or the
// hiding on until the removal. Stop holds them by the names in the scandir.
type Drain map[string]*drainingService

// drainingService is one service that a prune takes down and removes.
type drainingService struct {
	name        string // its first name in the scandir, for messages
	dir         scan.FileID
	service     string
	hidden      string // the name under which s6-svscan ignores it
	progress    progress
	downSince   time.Time // when it was sent the down command
	hiddenSince time.Time
	limits      limits
	err         error
}

// progress is the last step that a service has completed. A service may skip steps.
type progress int

const (
	sentDown       progress = iota // its supervisor was sent "down"
	wasHidden                      // s6-svscan can't see it any more, but still supervises it
	released                       // s6-svscan was sent the command to let go of it
	sentExit                       // its service has ended, and its supervisor was sent "exit"
	sentLoggerExit                 // its logger and the logger's supervisor were sent "exit"
	ended                          // its supervisors and its logger have ended
	removed
)

// idAt returns the identity of a directory. Another pass may have pruned the service and
// published a new slot under its name. A missing directory has the zero FileID.
func idAt(fd int, name string) scan.FileID {
	id, _ := scan.FileIDAt(fd, name)
	return id
}

func (s *drainingService) isHidden() bool { return s.progress >= wasHidden }

func (s *drainingService) hide(since time.Time) { s.hiddenSince, s.progress = since, wasHidden }

// Step does the work of Prune for at most a tenth of a second. The next Step continues it.
// Drain keeps the times: the bounds of Prune count from the first Step on. A service that is
// still up has the error ErrDraining. A hidden service counts as pruned: a later Step
// removes it when its last supervisor has ended.
func (dr Drain) Step(ctx context.Context, d *Dir, names []string) map[string]error {
	return dr.drain(ctx, d, names, stepLimit, wasHidden)
}

// Has reports whether Drain holds the service: it was sent the down command or was hidden,
// and is not removed yet.
func (dr Drain) Has(service string) bool { return dr[service] != nil }

// StopWaiting makes the next Step hide every visible service, ended or not. A caller that
// is about to end calls it: a later pass finds the hidden slots and removes them.
func (dr Drain) StopWaiting() {
	for _, each := range dr {
		each.downSince = time.Time{}
	}
}

// Unfinished returns the services that need another Step, and the hidden services that
// Drain gave up with an error. Both are sorted.
func (dr Drain) Unfinished() (services, stuck []string) {
	services = dr.those(func(s *drainingService) bool { return s.err == nil })
	return services, dr.those(func(s *drainingService) bool { return s.err != nil })
}

// Asked returns the visible services that were sent the down command, sorted.
func (dr Drain) Asked() []string {
	return dr.those(func(s *drainingService) bool { return !s.isHidden() })
}

// those returns the services that fit, sorted.
func (dr Drain) those(fit func(*drainingService) bool) []string {
	var services []string
	for service, each := range dr {
		if fit(each) {
			services = append(services, service)
		}
	}
	slices.Sort(services)
	return services
}

// begin returns the entries of the names. It adds the missing ones, and sends the down
// command to their services. A service that Drain gave up gets another try.
func (dr Drain) begin(names []string, d *Dir) []*drainingService {
	begun := make([]*drainingService, 0, len(names))
	for _, name := range names {
		service, _ := d.ParseHidden(name)
		known := dr[service]
		if known == nil {
			known = d.beginDraining(name, limits{down: downLimit, end: endLimit, logger: loggerLimit})
			dr[service] = known
		}
		known.err = nil
		begun = append(begun, known)
	}
	return begun
}

// beginDraining returns a new entry for a name, and sends the down command to its service.
func (d *Dir) beginDraining(name string, l limits) *drainingService {
	service, hidden := d.ParseHidden(name)
	s := &drainingService{
		name: name, dir: idAt(d.fd, name), service: service, hidden: hiddenName(service), downSince: time.Now(), limits: l,
	}
	if hidden {
		s.hide(d.hiddenSince(name))
		return s
	}
	// Send it once: many programs drop everything at a second TERM. A service that ignores it is
	// hidden all the same.
	_, _ = d.writeFIFO("d", name+"/supervise/control")
	return s
}

// Keep keeps only the services whose directory still has its name. Another pass has removed
// or replaced the other directories.
func (dr Drain) Keep(d *Dir) {
	maps.DeleteFunc(dr, func(_ string, each *drainingService) bool {
		name := each.name
		if each.isHidden() {
			name = each.hidden
		}
		return idAt(d.fd, name) != each.dir
	})
}
