package scandir

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/render"
)

// Change says how a pass changes, or would change, a published slot.
type Change string

// The changes.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged"
	None      Change = "none"
)

// Plan says how a slot differs from the published one, and how Publish changes that.
type Plan struct {
	Change Change
	// Live is true when a supervisor holds the slot, or may hold it soon.
	Live bool
	// Effect says when the change takes effect.
	Effect Effect
	// Differences lists how the published slot differs from the rendered one. In a live
	// slot that needs no restart, files that an update leaves alone do not count.
	Differences []Difference
	// Risks holds warnings about accounts that can act as root through a live slot.
	Risks []string

	service string
	want    []Node
	edits   []edit // the steps of an update in place, for a live slot
}

// PlanNew returns the plan for a slot whose name is free.
func PlanNew(slot render.Slot, o Owners) Plan {
	want := tree(slot, o)
	return Plan{Change: Created, Differences: compare(nil, want), service: slot.Service, want: want}
}

// Plan compares a rendered slot with the published one, and changes nothing. Where the
// name is free, the change is Created. Plan returns an error when an earlier service of the
// name still runs in a hidden slot: a second one must not start beside it.
func (d *Dir) Plan(slot render.Slot, o Owners) (p Plan, err error) {
	for range planTries {
		if p, err = d.plan(slot, o); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return p, err
}

// planTries bounds how often Plan looks at a slot that another pass keeps replacing. A
// command that only compares has no lock.
const planTries = 20

// errTaken is the error of a slot whose name belongs to a file or a link.
var errTaken = errors.New("the name is taken by something that is not a directory")

func (d *Dir) plan(slot render.Slot, o Owners) (Plan, error) {
	fd, err := fdio.Open(d.fd, slot.Service, unix.O_RDONLY|unix.O_DIRECTORY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return PlanNew(slot, o), d.mustNotRunHidden(slot.Service)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		err = errTaken
	}
	var p Plan
	if err == nil {
		defer unix.Close(fd)
		p, err = d.planExisting(fd, slot, o)
	}
	if differs := err == nil && len(p.Differences) > 0; (differs || errors.Is(err, errForeign)) && idAt(d.fd, slot.Service) != idAt(fd, "") {
		err = fmt.Errorf("it was replaced while it was read: %w", fs.ErrNotExist)
	}
	if err != nil {
		return Plan{Change: None}, fmt.Errorf("comparing slot %q: %w", slot.Service, err)
	}
	return p, nil
}

func (d *Dir) planExisting(fd int, slot render.Slot, o Owners) (Plan, error) {
	p := Plan{Change: Unchanged, service: slot.Service, want: tree(slot, o)}
	var err error
	if p.Live, err = liveAt(fd, d.knownScanner); err != nil {
		return p, err
	}
	have, err := readSlot(fd)
	if err == nil {
		err = mustHoldMark(have)
	}
	if err != nil {
		return p, err
	}
	switch p.Differences = compare(have, p.want); {
	case len(p.Differences) == 0:
	case p.Live:
		p.Risks = d.superviseRisks(slot.Service, have, o.Access)
		p.planInPlace(have)
	default:
		p.Change = Updated
	}
	return p, nil
}

func (d *Dir) mustNotRunHidden(service string) error {
	hidden := hiddenName(service)
	held, err := d.Held(hidden)
	switch {
	case err != nil:
		return fmt.Errorf("looking at %q: %w", hidden, err)
	case held:
		return d.hintStillRuns(hidden, fmt.Errorf("an earlier service of that name still runs in %q", hidden))
	}
	return nil
}

// Publish carries out a plan (docs/design.md, "Publishing"). It stages the slot whole and
// renames it once: an observer, or a kill at any instant, finds the old slot or the new one.
//
// The directory of a live slot never moves, because s6-svscan knows a service by device and
// inode. Publish replaces each file that differs by itself.
//
// After ErrLeftBehind the new slot is published. After any other error the previous slot still
// exists. In a live slot the error may come after some files were replaced.
func (d *Dir) Publish(p Plan) error {
	var err error
	switch {
	case p.Live:
		err = d.update(p)
	case p.Change == Created || p.Change == Updated:
		err = d.replace(p)
	}
	if err != nil {
		return fmt.Errorf("publishing slot %q in %q: %w", p.service, d.path, err)
	}
	return nil
}

// replace stages the slot and gives it its name. Then it removes the previous slot, or after
// an error the staged one.
func (d *Dir) replace(p Plan) error {
	if p.Change == Updated {
		if err := d.mustHoldNoMount(p.service); err != nil {
			return err
		}
	}
	staged := stagedName(p.service)
	err := d.stage(staged, p.want)
	if err == nil && p.Change == Updated {
		err = d.mustNotBeLive(p.service)
	}
	if err == nil {
		err = d.swapIn(staged, p.service, p.Change)
	}
	if err == nil && p.Change == Created {
		return nil
	}
	if errors.Is(err, errImmovable) {
		err = d.replaceInPlace(p)
	}
	if errors.Is(err, errStaysHidden) {
		return err
	}
	if rerr := d.removeAll(staged); err == nil && rerr != nil {
		err = fmt.Errorf("%w: removing %q: %w", ErrLeftBehind, staged, rerr)
	}
	return err
}

// ErrLeftBehind is the error of Publish when it published the slot but could not remove the
// previous one. A later pass removes that as a leftover.
var ErrLeftBehind = errors.New("published, but the previous copy was not removed")

// errCameUp is the error of a slot that became live after its plan was made.
var errCameUp = errors.New("a supervisor started meanwhile: left as it is")

// mustNotBeLive returns an error when the slot is live. Publish calls it once the staged slot
// is ready: an s6-svscan may have started since the plan, and its service would be left in a
// deleted directory.
func (d *Dir) mustNotBeLive(service string) error {
	live, err := d.Live(service)
	if live {
		return errCameUp
	}
	return err
}

// hintStillRuns adds a hint to the error of a service that does not end.
func (d *Dir) hintStillRuns(hidden string, err error) error {
	return hint.Add(err, "s6-svstat %s/%s shows its process: end the process, and the next pass clears the slot", d.path, hidden)
}

func stagedName(service string) string { return "." + service + ".new" }

func hiddenName(service string) string { return "." + service + ".old" }

// swapIn gives the staged slot its name. Afterwards the staged name is free, or holds the
// previous slot.
func (d *Dir) swapIn(staged, service string, change Change) error {
	if change == Created {
		return d.renameNew(staged, service)
	}
	err := fdio.Exchange(d.fd, staged, service)
	if fdio.HasNoRenameFlags(err) || errors.Is(err, unix.EXDEV) {
		return d.exchangeByRenames(staged, service)
	}
	if err != nil {
		return fmt.Errorf("exchanging %q and %q: %w", staged, service, err)
	}
	return d.restoreIfHeld(staged, service)
}

// errStaysHidden is the error of a slot that may be live and can't get its name back.
var errStaysHidden = errors.New("the previous slot is hidden and may be live")

// restoreIfHeld gives the previous slot its name back, and returns an error, when a
// supervisor may hold that slot. An s6-svscan may have started during the exchange.
//
// When the second exchange fails, restoreIfHeld gives the previous slot its hidden name: a
// later pass looks for supervisors there before it removes anything.
func (d *Dir) restoreIfHeld(staged, service string) error {
	held, err := d.Held(staged)
	if held {
		err = errCameUp
	}
	if err == nil {
		return nil
	}
	if back := fdio.Exchange(d.fd, staged, service); back != nil {
		return errors.Join(err, errStaysHidden, fmt.Errorf("exchanging %q and %q: %w", staged, service, back),
			d.rename(staged, hiddenName(service)))
	}
	return err
}

// exchangeByRenames replaces swapIn's exchange on file systems that have none. Between the first two renames
// the name is free for an instant. If the pass is killed there, the next pass restores the
// hidden slot.
func (d *Dir) exchangeByRenames(staged, service string) error {
	hidden := hiddenName(service)
	if err := d.mustNotRunHidden(service); err != nil {
		return err
	}
	if err := d.removeAll(hidden); err != nil {
		return fmt.Errorf("clearing %q: %w", hidden, err)
	}
	if err := d.rename(service, hidden); err != nil {
		if errors.Is(err, unix.EXDEV) {
			return errImmovable
		}
		return err
	}
	if err := d.rename(staged, service); err != nil {
		return errors.Join(err, d.rename(hidden, service))
	}
	held, err := d.Held(hidden) // before it gets the staged name, which a sweep removes at once
	if held {
		err = errCameUp
	}
	if err == nil {
		err = d.rename(hidden, staged)
	}
	if err != nil {
		return errors.Join(err, d.rename(service, staged), d.rename(hidden, service))
	}
	return nil
}

// renameNew renames to a free name, and replaces nothing.
func (d *Dir) renameNew(from, to string) error {
	if err := fdio.RenameNew(d.fd, from, d.fd, to); err != nil {
		return fmt.Errorf("renaming %q to %q: %w", from, to, err)
	}
	return nil
}

func (d *Dir) rename(from, to string) error {
	if err := fdio.Rename(d.fd, from, d.fd, to); err != nil {
		return fmt.Errorf("renaming %q to %q: %w", from, to, err)
	}
	return nil
}
