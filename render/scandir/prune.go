package scandir

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The bounds of a prune, each for all services together (design, "Prune").
const (
	downLimit   = 10 * time.Second // a service ends after TERM
	endLimit    = 5 * time.Second  // supervisors and loggers end
	loggerLimit = 2 * time.Second  // a logger ends that did not see the end of its input
	pollEvery   = 5 * time.Millisecond
)

// leaving is a service directory on its way out of the scandir.
type leaving struct {
	name   string // where it stands, for messages
	hidden string // where s6-svscan passes over it
	err    error
}

// Prune takes services down and removes their service directories, which are
// named as they stand: visible, or hidden already by a prune that was killed. No
// line that a service wrote is lost, its logger's last ones included. It takes
// 17 seconds at most, whatever the services do. The errors are by name: what a
// supervisor still holds is left hidden.
func (d *Dir) Prune(names []string) map[string]error {
	all := make([]*leaving, 0, len(names))
	for _, name := range names {
		l := &leaving{name: name, hidden: name}
		if !strings.HasPrefix(name, ".") {
			l.hidden = asideName(name)
		}
		all = append(all, l)
	}
	d.takeDown(all)
	for _, l := range all {
		l.err = d.hide(l)
	}
	if err := d.endHidden(all); err != nil {
		return everyError(all, err)
	}
	errs := map[string]error{}
	for _, l := range all {
		if l.err == nil {
			l.err = d.removeEnded(l.hidden)
		}
		if l.err != nil {
			errs[l.name] = l.err
		}
	}
	return errs
}

func everyError(all []*leaving, err error) map[string]error {
	errs := map[string]error{}
	for _, l := range all {
		errs[l.name] = errors.Join(l.err, err)
	}
	return errs
}

// takeDown makes the services that are still visible go down, and waits.
func (d *Dir) takeDown(all []*leaving) {
	var asked []string
	for _, l := range all {
		if l.hidden == l.name {
			continue
		}
		if told, err := d.tell("d", l.name, "supervise", "control"); told && err == nil {
			asked = append(asked, l.name)
		}
	}
	waitUntil(downLimit, func() bool { return d.none(asked, d.isUp) })
}

func (d *Dir) hide(l *leaving) error {
	if l.hidden == l.name {
		return nil
	}
	return d.renameNew(l.name, l.hidden)
}

// endHidden makes s6-svscan let go of what is hidden, and waits for supervisors
// and loggers to end. A child that keeps the service's output open keeps its
// logger waiting for more: that one is told that there is none.
func (d *Dir) endHidden(all []*leaving) error {
	var hidden []string
	for _, l := range all {
		if l.err == nil {
			hidden = append(hidden, l.hidden)
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	if err := d.control("an"); err != nil && !errors.Is(err, ErrNoScanner) {
		return err
	}
	if waitUntil(endLimit, func() bool { return d.none(hidden, d.held) }) {
		return nil
	}
	for _, name := range hidden {
		if held, err := d.lockHeldBy(name); !held && err == nil {
			_, _ = d.tell("h", name, "log", "supervise", "control") // what stays is said below
		}
	}
	waitUntil(loggerLimit, func() bool { return d.none(hidden, d.held) })
	return nil
}

func (d *Dir) removeEnded(hidden string) error {
	held, err := d.held(hidden)
	if err != nil {
		return err
	}
	if held {
		return fmt.Errorf("a supervisor still runs in it: left hidden as %q", hidden)
	}
	return d.discard(hidden, strings.TrimSuffix(hidden[1:], ".old"))
}

// none tells whether a question is answered with no for every name. One that
// can't be answered now is asked again, as long as the caller waits.
func (d *Dir) none(names []string, is func(string) (bool, error)) bool {
	for _, name := range names {
		if yes, err := is(name); yes || err != nil {
			return false
		}
	}
	return true
}

// waitUntil polls until done says so, and returns what it said last.
func waitUntil(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); ; time.Sleep(pollEvery) {
		if done() {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
	}
}
