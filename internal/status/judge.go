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
	"slotgen/scan"
)

// flapping is the number of deaths in a minute from which on a gateway counts as flapping.
const flapping = 3

// fill finds out the state of a row. It leaves the state empty for a name that has no slot and
// needs none.
func (r *reader) fill(ctx context.Context, row *Row) {
	pid, isStray := r.strays[r.Layout.Service(row.Profile)]
	isVisible := r.findSlot(row)
	switch {
	case isVisible:
	case row.Service != "":
		row.State = Stopping
		row.note("hidden: the next slotgen reconcile --prune ends it")
	case isStray || isProfile(row.Entry):
		row.State = Missing
	}
	if isStray {
		row.note("process %d still runs it in a slot that was removed: %s", pid, r.dir.EndStrays())
	} else if row.State == Missing {
		row.note("slotgen scan %s shows why", row.Profile)
	}
	if !isVisible {
		row.Unhealthy = row.Entry != nil && row.Entry.Profile.Start
		return
	}
	r.judge(ctx, row)
	if r.list.Complete && row.Entry == nil {
		row.note("orphan, its profile does not exist: slotgen reconcile --prune removes it")
	}
	r.noteLogger(row)
}

// findSlot reports whether a row's name is a visible slot. It keeps the name of a hidden slot that
// is still supervised, or that it can't look at. It clears every other name.
func (r *reader) findSlot(row *Row) (isVisible bool) {
	if _, hidden := r.dir.ParseHidden(row.Service); hidden {
		if held, err := r.dir.Held(row.Service); held || err != nil {
			return false
		}
	} else if row.Service != "" {
		if isSlot, err := r.dir.IsSlot(row.Service); isSlot && err == nil {
			return true
		}
	}
	row.Service = ""
	return false
}

// isProfile reports whether an entry of the volume is to have a slot.
func isProfile(e *scan.Entry) bool {
	return e != nil && (e.Verdict == scan.Publish || e.Verdict == scan.Failed)
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
