package scandir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"slotgen/internal/fdio"

	"golang.org/x/sys/unix"
)

// The bounds of a prune (docs/design.md, "Prune").
const (
	downLimit   = 10 * time.Second
	endLimit    = 5 * time.Second
	loggerLimit = 2 * time.Second
	pollEvery   = 5 * time.Millisecond
)

// limits bound the waits for each service by itself.
type limits struct {
	down    time.Duration // for the service to end after TERM
	end     time.Duration // for its supervisors and its logger to end
	logger  time.Duration // for a logger to end that still waits for input
	removal time.Time     // for all slots: no slot is removed later; zero means any time
}

// ErrDraining is the error of a service that was sent the down command and has not ended yet.
var ErrDraining = errors.New("was taken down and has not ended yet")

// errNotBegun is the error of a service that was not sent the down command. It waits for an
// earlier service under its hidden name, or ctx has ended.
var errNotBegun = errors.New("is still up: an earlier service of its name must end first, or a signal ended the pass")

// Prune takes services down and removes their directories. A name is visible, or it is hidden
// because an earlier prune was killed. No line that the service wrote is lost: its
// logger still writes the last ones.
//
// Prune takes at most 17 seconds, whatever the services do. It takes twice as long where a
// service waits for an earlier one of its name.
//
// The errors are by name. Prune leaves a slot hidden that a supervisor still holds. When ctx
// ends, or Stop marks the scandir, Prune stops waiting: it hides the services that it has begun
// with, ended or not. Their error is ErrDraining, and a later pass removes them.
func (d *Dir) Prune(ctx context.Context, names []string) map[string]error {
	const slack = time.Second
	return Drain{}.drain(ctx, d, names, downLimit+endLimit+loggerLimit+slack, removed)
}

// drain takes services down and removes them, each within limit. A visible name waits where an
// earlier service has its hidden name.
func (dr Drain) drain(ctx context.Context, d *Dir, names []string, limit time.Duration, enough progress) map[string]error {
	waits := func(name string) bool { return slices.Contains(names, hiddenName(name)) }
	errs := dr.end(ctx, d, slices.DeleteFunc(slices.Clone(names), waits), limit, enough)
	var later []string
	for _, name := range names {
		switch {
		case !waits(name): // its turn was before
		case ctx.Err() != nil || dr.Has(name):
			errs[name] = errNotBegun
		default:
			later = append(later, name)
		}
	}
	maps.Copy(errs, dr.end(ctx, d, later, limit, enough))
	return errs
}

// end takes services down and removes them, as far as that is possible within limit. It
// returns the errors by name: a service counts as pruned once it has reached the progress
// enough. Drain forgets the services that are removed, and those that failed before they were
// hidden.
func (dr Drain) end(ctx context.Context, d *Dir, names []string, limit time.Duration, enough progress) map[string]error {
	all := dr.begin(names, d)
	waitUntil(limit, func() bool {
		if ctx.Err() == nil && !errors.Is(d.CheckStopped(), ErrStopped) {
			return d.step(all)
		}
		dr.StopWaiting()
		_ = d.step(all)
		return true
	})
	errs := map[string]error{}
	for _, each := range all {
		switch {
		case each.err != nil:
			errs[each.name] = each.err
		case each.progress < enough:
			errs[each.name] = ErrDraining
		}
		if each.progress == removed || each.err != nil && !each.isHidden() {
			delete(dr, each.service)
		}
	}
	return errs
}

// hiddenSince returns when a slot was hidden: its last change is the rename. A slot that an
// earlier prune gave up still gets a second.
func (d *Dir) hiddenSince(name string) time.Time {
	const grace = time.Second
	now := time.Now()
	st, err := fdio.Stat(d.fd, name, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return now
	}
	ago := now.Sub(time.Unix(st.Ctim.Unix()))
	// The result is relative to now: a later change of the clock does not change the bounds.
	return now.Add(-min(max(ago, 0), endLimit+loggerLimit-grace))
}

// step does the work that is possible now for each service, and reports whether nothing is
// left to wait for.
func (d *Dir) step(all []*drainingService) (done bool) {
	var justHidden []*drainingService
	for _, s := range all {
		if s.err == nil && !s.isHidden() {
			s.err = d.hideWhenDown(s)
		}
		if s.err == nil && s.progress == wasHidden {
			justHidden = append(justHidden, s)
		}
	}
	if len(justHidden) > 0 {
		err := d.commandScanner("an")
		for _, s := range justHidden {
			if err == nil || errors.Is(err, ErrNoScanner) {
				s.progress = released
			} else {
				s.err = err
			}
		}
	}
	done = true
	for _, s := range all {
		done = d.removeWhenEnded(s) && done
	}
	return done
}

func (d *Dir) hideWhenDown(s *drainingService) error {
	up, err := d.isUp(s.name)
	if up && err == nil && time.Since(s.downSince) < s.limits.down {
		return nil
	}
	switch err := d.renameNew(s.name, s.hidden); {
	case errors.Is(err, fs.ErrExist):
		return nil // an earlier service of the name ends first
	case errors.Is(err, unix.EXDEV):
		return d.removeImmovable(s)
	case err != nil:
		return err
	}
	s.hide(time.Now())
	return nil
}

// removeWhenEnded removes a hidden slot when its supervisors have ended. A child process
// may keep the service's output open, and then the logger waits for more input. Therefore
// removeWhenEnded ends the logger after endLimit.
func (d *Dir) removeWhenEnded(s *drainingService) (done bool) {
	if s.err != nil || s.progress >= ended {
		return true
	}
	if !s.isHidden() {
		return false
	}
	held, err := d.Held(s.hidden)
	age := time.Since(s.hiddenSince)
	switch {
	case !held && err == nil:
		s.progress = ended
		d.removeInTime(s)
		return true
	case age >= s.limits.end+s.limits.logger && err != nil: // an earlier error gets another try
		s.err = err
		return true
	case age >= s.limits.end+s.limits.logger:
		s.err = d.hintStillRuns(s.hidden, fmt.Errorf("a supervisor still runs in it: left hidden as %q", s.hidden))
		return true
	case age >= s.limits.end && s.progress < sentLoggerExit:
		d.endSupervisors(s)
	}
	return false
}

// removeInTime removes the slot of a service that has ended, unless it is too late for that.
func (d *Dir) removeInTime(s *drainingService) {
	if until := s.limits.removal; !until.IsZero() && time.Now().After(until) {
		return
	}
	if s.err = d.discard(s.hidden, s.service); s.err == nil {
		s.progress = removed
	}
}

// endSupervisors sends the exit command to a supervisor whose service has ended. Nobody else
// sends it when s6-svscan has died. When that supervisor has ended, endSupervisors ends the
// logger and its supervisor.
func (d *Dir) endSupervisors(s *drainingService) {
	held, err := d.holds(s.hidden, serviceLock)
	if err != nil {
		return
	}
	if !held {
		if sent, _ := d.writeFIFO("xh", s.hidden+"/log/supervise/control"); sent {
			s.progress = sentLoggerExit
		}
		return
	}
	if up, err := d.isUp(s.hidden); !up && err == nil && s.progress < sentExit {
		if sent, _ := d.writeFIFO("x", s.hidden+"/supervise/control"); sent {
			s.progress = sentExit
		}
	}
}

// waitUntil polls until done returns true, for at most limit.
func waitUntil(limit time.Duration, done func() bool) {
	for deadline := time.Now().Add(limit); !done() && time.Now().Before(deadline); {
		time.Sleep(pollEvery)
	}
}
