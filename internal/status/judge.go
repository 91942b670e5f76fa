package status

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"slotgen/internal/message"
	"slotgen/internal/s6"
)

// flapping is the number of deaths in a minute from which on a gateway counts as flapping.
const flapping = 3

// fill finds out the state of a slot. It leaves the state empty when there is no slot behind
// the name: a file, or a hidden slot that is gone.
func (r *reader) fill(ctx context.Context, row *Row) {
	if row.State == Stopping {
		r.fillHidden(row)
	}
	r.findSlot(row)
	isStray := r.noteStray(row)
	if row.State == Missing {
		row.Unhealthy = row.Entry != nil && row.Entry.Profile.Start
	}
	if row.State == Missing && !isStray {
		row.note("slotgen scan %s shows why", row.Profile)
	}
	if row.State != "" || row.Service == "" {
		return
	}
	r.judge(ctx, row)
	r.noteProfile(row)
	r.noteLogger(row)
}

// fillHidden finds out whether a hidden slot is still supervised. If not, its profile has no slot.
func (r *reader) fillHidden(row *Row) {
	held, err := r.dir.Held(row.Service)
	if held || err != nil {
		row.Unhealthy = row.Entry != nil && row.Entry.Profile.Start
		row.note("hidden: the next slotgen reconcile --prune ends it")
		return
	}
	row.hasNoSlot()
}

// findSlot finds out whether a row's name belongs to a slot. Anything else of that name is no
// slot: a file, or a directory that slotgen did not make.
func (r *reader) findSlot(row *Row) {
	if row.State != "" || row.Service == "" {
		return
	}
	if isSlot, err := r.dir.IsSlot(row.Service); !isSlot || err != nil {
		row.hasNoSlot()
	}
}

// hasNoSlot turns a row into the row of a profile without a slot, or of no profile.
func (r *Row) hasNoSlot() {
	r.Service, r.State = "", ""
	if isProfile(r.Entry) {
		r.State = Missing
	}
}

// judge asks s6 about a slot.
func (r *reader) judge(ctx context.Context, row *Row) {
	isDown, err := r.dir.IsDown(row.Service)
	if err != nil {
		r.Tell(message.Of(message.Warning, err).About(row.Profile))
	}
	s, err := r.Programs.Ask(ctx, r.path(row))
	switch {
	case errors.Is(err, s6.ErrUnsupervised):
		row.State, row.Unhealthy = Unsupervised, !isDown
		if blocker := r.dir.Blocker(row.Service); blocker != "" {
			row.note("%s", blocker)
		}
		row.note("no s6-supervise runs for it: slotgen reconcile --rescan")
		return
	case errors.Is(err, fs.ErrPermission):
		row.State = Unknown
		row.note("only root and members of its group may ask")
		return
	case err != nil:
		row.State = Unknown
		row.note("%s", message.OneLine(err.Error()))
		return
	}
	row.For, row.Known, row.PID, row.Exit = s.For, true, s.PID, s.Exit
	row.State = Down
	if s.Up {
		row.State = Up
	}
	row.Unhealthy = !isDown && s.WantedUp && !s.Up
	if s.Deaths >= flapping {
		row.State, row.Unhealthy = Flapping, !isDown
		row.note("died %d times in the last minute: slotgen status %s shows its log", s.Deaths, row.Profile)
	}
	r.noteService(row, s, isDown)
}

// noteService adds the notes that follow from the answer of s6.
func (r *reader) noteService(row *Row, s s6.Service, isDown bool) {
	switch {
	case row.State == Flapping:
	case s.Up && isDown:
		row.note("started by hand: down again at the next boot")
	case s.Up && r.isOlder(row, s):
		row.note("runs an older run script; to restart it: %s", r.control("-r", row))
	case !s.Up && s.WantedUp:
		row.note("s6 starts it again: slotgen status %s shows its log", row.Profile)
	case !s.Up && !isDown && row.Exit != "":
		row.note("stopped (%s); to start it: %s", row.Exit, r.control("-u", row))
	case !s.Up && !isDown:
		row.note("stopped; to start it: %s", r.control("-u", row))
	}
}

// isOlder reports whether the run script is newer than the process. s6 tells the time since
// the start in whole seconds.
func (r *reader) isOlder(row *Row, s s6.Service) bool {
	changed, err := r.dir.RunChanged(row.Service)
	if err != nil {
		r.Tell(message.Of(message.Warning, err).About(row.Profile))
		return false
	}
	return time.Since(changed)+time.Second < s.For
}

// noteProfile adds a note when the slot is an orphan.
func (r *reader) noteProfile(row *Row) {
	if r.knows && row.Entry == nil {
		row.note("orphan, its profile does not exist: slotgen reconcile --prune removes it")
	}
}

// noteLogger adds a note when the lines of the gateway can't be logged.
func (r *reader) noteLogger(row *Row) {
	if row.State != Up && row.State != Flapping {
		return
	}
	if logged, err := r.dir.IsDir(row.Service + "/log"); !logged || err != nil {
		return
	}
	if held, err := r.dir.Held(row.Service + "/log"); !held && err == nil {
		row.note("its logger has no supervisor: its lines wait")
	}
	if r.volume == nil || row.Entry == nil {
		return
	}
	if err := r.volume.CheckGatewayLog(row.Profile); err != nil {
		row.note("its log can't be written: %s", err)
	}
}

func (r *Row) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *reader) path(row *Row) string { return filepath.Join(r.Scandir, row.Service) }

// control returns the command line of s6-svc for a slot.
func (r *reader) control(options string, row *Row) string {
	return s6.ControlCommand(r.Scan.Base.CommandDir, options, r.path(row))
}
