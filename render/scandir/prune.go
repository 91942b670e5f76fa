package scandir

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The bounds of a prune, each for every service by itself (design, "Prune").
const (
	downLimit   = 10 * time.Second // the service ends after TERM
	endLimit    = 5 * time.Second  // its supervisors and its logger end
	loggerLimit = 2 * time.Second  // a logger ends that did not see the end of its input
	pollEvery   = 5 * time.Millisecond
)

// ErrLeaving says of a service that it was told to go and is not down yet.
var ErrLeaving = errors.New("was told to go down and has not ended yet")

// Prune takes services down and removes their service directories, which are
// named as they stand: visible, or hidden already by a prune that was killed. No
// line that a service wrote is lost, its logger's last ones included. It takes
// 17 seconds at most, whatever the services do. The errors are by name: what a
// supervisor still holds is left hidden. After PruneInSteps it returns much
// earlier.
func (d *Dir) Prune(names []string) map[string]error {
	memory, limit := d.leaving, stepLimit
	if memory == nil {
		memory, limit = &Leaving{}, downLimit+endLimit+loggerLimit+time.Second
	}
	all := memory.take(names)
	for _, l := range all {
		if !l.toldDown && !l.isHidden() {
			// Once: to many a program a second TERM means to drop everything. What does
			// not heed it is hidden all the same.
			_, _ = d.tell("d", l.name, "supervise", "control")
			l.toldDown = true
		}
	}
	waitUntil(limit, func() bool { return d.step(all) })
	return memory.settle(all)
}

// step does for each service what can be done now, and tells whether there is
// nothing left to wait for.
func (d *Dir) step(all []*leaver) (done bool) {
	justHidden := false
	for _, l := range all {
		if l.err == nil && !l.isHidden() {
			l.err = d.hideWhenDown(l)
		}
		justHidden = justHidden || l.justHidden
	}
	if justHidden {
		err := d.control("an")
		for _, l := range all {
			if l.justHidden && err != nil && !errors.Is(err, ErrNoScanner) {
				l.err = err
			}
			l.justHidden = false
		}
	}
	done = true
	for _, l := range all {
		done = d.seeOff(l) && done
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
	l.hide()
	return nil
}

// seeOff removes a hidden service directory when its supervisors have ended. A
// child that keeps the service's output open keeps its logger waiting for more:
// that one is told that there is none.
func (d *Dir) seeOff(l *leaver) (done bool) {
	if l.err != nil || l.gone {
		return true
	}
	if !l.isHidden() {
		return false
	}
	held, err := d.held(l.hidden)
	age := time.Since(l.since)
	switch {
	case !held && err == nil:
		l.err = d.discard(l.hidden, strings.TrimSuffix(l.hidden[1:], ".old"))
		l.gone = l.err == nil
		return true
	case age >= endLimit+loggerLimit && err != nil: // until then it is asked again
		l.err = err
		return true
	case age >= endLimit+loggerLimit:
		l.err = fmt.Errorf("a supervisor still runs in it: left hidden as %q", l.hidden)
		return true
	case age >= endLimit && !l.loggerTold:
		if held, err := d.lockHeldBy(l.hidden); !held && err == nil {
			l.loggerTold, _ = d.tell("h", l.hidden, "log", "supervise", "control")
		}
	}
	return false
}

// waitUntil polls until done says so, for at most limit.
func waitUntil(limit time.Duration, done func() bool) {
	for deadline := time.Now().Add(limit); !done() && time.Now().Before(deadline); {
		time.Sleep(pollEvery)
	}
}
