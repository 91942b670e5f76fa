package scandir

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// The bounds of a prune, each for every service by itself (design, "Prune").
const (
	downLimit   = 10 * time.Second // the service ends after TERM
	endLimit    = 5 * time.Second  // its supervisors and its logger end
	loggerLimit = 2 * time.Second  // a logger ends that did not see the end of its input
	pollEvery   = 5 * time.Millisecond
)

// ErrDraining says of a service that it was told to go and has not gone yet.
var ErrDraining = errors.New("was told to go down and has not ended yet")

// errNotBegun is of a service that waits for one under its hidden name, or that ctx left
// no time for.
var errNotBegun = errors.New("was not told to go: there is an earlier one of its name")

// Prune takes services down and removes their service directories, which are
// named as they stand: visible, or hidden already by a prune that was killed. No
// line that a service wrote is lost, its logger's last ones included. It takes
// 17 seconds at most, whatever the services do, and twice that where a service has to
// wait for an earlier one of its name, which was given up. The errors are by name: what a
// supervisor still holds is left hidden. When ctx ends it waits no more: what was told
// to go is hidden, ended or not, and ErrDraining: a later Sweep and Prune see it off.
func (d *Dir) Prune(ctx context.Context, names []string) map[string]error {
	const limit = downLimit + endLimit + loggerLimit + time.Second // and some slack
	now, later := apart(names)
	var first, second Drain
	errs := first.settle(first.seeOff(ctx, d, now, limit), gone)
	if ctx.Err() == nil {
		maps.Copy(errs, second.settle(second.seeOff(ctx, d, later, limit), gone))
		return errs
	}
	for _, name := range later {
		errs[name] = errNotBegun
	}
	return errs
}

// seeOff does what can be done within limit for services to go.
func (l *Drain) seeOff(ctx context.Context, d *Dir, names []string, limit time.Duration) []*leaver {
	all := l.take(names, d)
	waitUntil(limit, func() bool {
		if ctx.Err() == nil {
			return d.step(all)
		}
		l.TakeNoMoreTime()
		_ = d.step(all)
		return true
	})
	return all
}

// apart tells the names that have to wait for another of the same service, which is
// hidden already where they are to be hidden.
func apart(names []string) (now, later []string) {
	for _, name := range names {
		if slices.Contains(names, hiddenName(name)) {
			later = append(later, name)
		} else {
			now = append(now, name)
		}
	}
	return now, later
}

// hiddenSince tells since when a hidden name has been on its way out: its last
// change is the rename. Some time is left to what an earlier prune has given up.
func (d *Dir) hiddenSince(name string) time.Time {
	const grace = time.Second
	now := time.Now()
	var st unix.Stat_t
	if unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return now
	}
	ago := now.Sub(time.Unix(st.Ctim.Unix()))
	// Reckoned from now: whoever sets the clock meanwhile changes no bound.
	return now.Add(-min(max(ago, 0), endLimit+loggerLimit-grace))
}

// step does for each service what can be done now, and tells whether there is
// nothing left to wait for.
func (d *Dir) step(all []*leaver) (done bool) {
	var justHidden []*leaver
	for _, l := range all {
		if l.err == nil && !l.isHidden() {
			l.err = d.hideWhenDown(l)
		}
		if l.err == nil && l.progress == outOfSight {
			justHidden = append(justHidden, l)
		}
	}
	if len(justHidden) > 0 {
		err := d.control("an")
		for _, l := range justHidden {
			if err == nil || errors.Is(err, ErrNoScanner) {
				l.progress = released
			} else {
				l.err = err
			}
		}
	}
	done = true
	for _, l := range all {
		done = d.removeWhenEnded(l) && done
	}
	return done
}

func (d *Dir) hideWhenDown(l *leaver) error {
	up, err := d.isUp(l.name)
	if up && err == nil && time.Since(l.asked) < downLimit {
		return nil
	}
	if err := d.renameNew(l.name, l.hidden); err != nil {
		return err
	}
	l.hide(time.Now())
	return nil
}

// removeWhenEnded removes a hidden service directory when its supervisors have ended. A
// child that keeps the service's output open keeps its logger waiting for more:
// that one is told that there is none.
func (d *Dir) removeWhenEnded(l *leaver) (done bool) {
	if l.err != nil || l.progress == gone {
		return true
	}
	if !l.isHidden() {
		return false
	}
	held, err := d.held(l.hidden)
	age := time.Since(l.since)
	switch {
	case !held && err == nil:
		if l.err = d.discard(l.hidden, l.service()); l.err == nil {
			l.progress = gone
		}
		return true
	case age >= endLimit+loggerLimit && err != nil: // until then it is asked again
		l.err = err
		return true
	case age >= endLimit+loggerLimit:
		l.err = d.stillRuns(l.hidden, fmt.Errorf("a supervisor still runs in it: left hidden as %q", l.hidden))
		return true
	case age >= endLimit && l.progress < loggerTold:
		d.pressOn(l)
	}
	return false
}

// pressOn tells a supervisor that has nothing to supervise any more to exit: one
// whose s6-svscan has died hears it from nobody else. When it is gone its logger is
// told that there is no more to read.
func (d *Dir) pressOn(l *leaver) {
	held, err := d.lockHeldBy(l.hidden)
	if err != nil {
		return
	}
	if !held {
		if told, _ := d.tell("xh", l.hidden+"/log/supervise/control"); told {
			l.progress = loggerTold
		}
		return
	}
	if up, err := d.isUp(l.hidden); !up && err == nil && l.progress < exitTold {
		if told, _ := d.tell("x", l.hidden+"/supervise/control"); told {
			l.progress = exitTold
		}
	}
}

// waitUntil polls until done says so, for at most limit.
func waitUntil(limit time.Duration, done func() bool) {
	for deadline := time.Now().Add(limit); !done() && time.Now().Before(deadline); {
		time.Sleep(pollEvery)
	}
}
