package scandir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// Stopped is the result of Stop.
type Stopped struct {
	// Ended is the number of services that ended, with their loggers. Late are the others,
	// sorted.
	Ended int
	Late  []string
	// Warnings are the other failures. A service may have ended all the same.
	Warnings []error
}

// Stop ends all services at once, before a container stops, and removes their slots. It takes at
// most limit, however many services there are. Their last lines reach their logs: the loggers
// get a quarter of limit.
//
// Stop first marks the scandir. A pass that sees the mark publishes nothing and abandons its
// prune, until Resume removes the mark. Stop returns an error only if it can't do anything in the
// scandir: then it has sent nothing to any service.
func (d *Dir) Stop(limit time.Duration) (Stopped, error) {
	deadline := time.Now().Add(limit)
	s := stopping{dir: d, all: Drain{}, limits: limits{down: limit - limit/4, end: limit, removal: deadline}}
	switch err := d.markStopped(); {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS):
		return Stopped{}, err
	case err != nil: // the file system may be full
		s.warnings = append(s.warnings, err)
	}
	s.begin()
	if err := d.Lock(context.Background(), s.limits.down); err != nil {
		s.warnings = append(s.warnings, err) // the other slotgen does nothing once it sees the mark
	} else { // another pass may have removed or published slots meanwhile
		s.all.Keep(d)
		s.begin()
	}
	all := slices.Collect(maps.Values(s.all))
	waitUntil(time.Until(deadline), func() bool { return d.step(all) })
	return s.result(), nil
}

// stopping is the state of Stop.
type stopping struct {
	dir      *Dir
	all      Drain // by the names in the scandir, which may be hidden
	limits   limits
	warnings []error
}

// begin sends the down command to every live service that it has not sent to before.
func (s *stopping) begin() {
	names, err := s.dir.Names()
	if err != nil {
		s.warnings = append(s.warnings, err)
	}
	for name := range names {
		if s.all[name] != nil || !s.dir.isSlotName(name) {
			continue
		}
		isSlot, err := s.dir.IsSlot(name)
		live := false
		if isSlot {
			live, err = s.dir.Live(name)
		}
		switch {
		case err != nil:
			s.warnings = append(s.warnings, err)
		case live:
			each := s.dir.beginDraining(name, s.limits)
			each.hiddenSince = each.downSince // the limits of Stop begin now
			s.all[name] = each
		}
	}
}

// isSlotName reports whether a name in the scandir is a slot's, visible or hidden.
func (d *Dir) isSlotName(name string) bool {
	return strings.HasPrefix(name, d.prefix) || d.isHidden(name)
}

func (s *stopping) result() Stopped {
	r := Stopped{Warnings: s.warnings}
	for _, each := range s.all {
		if each.progress >= ended {
			r.Ended++
		} else {
			r.Late = append(r.Late, each.name)
		}
		if each.err != nil {
			r.Warnings = append(r.Warnings, fmt.Errorf("ending %q: %w", each.name, each.err))
		}
	}
	slices.Sort(r.Late)
	return r
}

// stopMark is the file that Stop leaves in the scandir (docs/design.md, "Stop").
const stopMark = ".slotgen.stopped"

// ErrStopped is the error of a pass over a scandir that has the mark of Stop.
var ErrStopped = errors.New("slotgen stop has ended the gateways: nothing is published")

// markStopped makes the mark, an empty file of mode 0600.
func (d *Dir) markStopped() error {
	fd, err := fdio.Open(d.fd, stopMark, unix.O_WRONLY|unix.O_CREAT)
	if err != nil {
		return fmt.Errorf("making %q: %w", d.path+"/"+stopMark, err)
	}
	return unix.Close(fd)
}

// CheckStopped returns ErrStopped, with a hint, while the scandir has the mark of Stop.
func (d *Dir) CheckStopped() error {
	_, err := fdio.Stat(d.fd, stopMark, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		return hint.Add(ErrStopped, "to start them again: slotgen reconcile --resume --rescan")
	}
	return ignoreMissing(err)
}

// Resume removes the mark of Stop. A missing mark is no error.
func (d *Dir) Resume() error {
	if err := ignoreMissing(fdio.Remove(d.fd, stopMark)); err != nil {
		return fmt.Errorf("removing %q: %w", d.path+"/"+stopMark, err)
	}
	return nil
}
