package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/render"
)

// Change is what a pass does, or would do, to a published slot.
type Change string

// The changes.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged"
	None      Change = "none"
)

// Plan is what a slot's publication comes to, decided by comparing only.
type Plan struct {
	Change Change
	// Live is true when a supervisor stands, or may soon stand, behind the slot.
	Live bool
	// Effect says when the change is in force.
	Effect Effect
	// Differences is how what stands is not as rendered. Of a live slot, what an
	// update in place leaves alone does not count, unless it needs a restart. A slot
	// that does not stand has none (see Everything).
	Differences []Difference

	service string
	want    []node
	edits   []edit // of a live slot
}

// PlanNew is the plan for a slot whose name is known to be free.
func PlanNew(slot render.Slot, o Owners) Plan {
	return Plan{Change: Created, service: slot.Service, want: tree(slot, o)}
}

// Everything lists all of the slot as missing.
func (p Plan) Everything() []Difference { return compare(nil, p.want) }

// Plan compares a rendered slot with what stands under its name. It touches
// nothing. Where nothing stands the change is Created. That an earlier service
// of the name still runs in a slot that was moved aside is an error: a second one
// must not start beside it.
func (d *Dir) Plan(slot render.Slot, o Owners) (p Plan, err error) {
	for range planTries {
		if p, err = d.plan(slot, o); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return p, err
}

// planTries is how often a slot is looked at that another pass changes meanwhile: who
// only compares has no lock.
const planTries = 20

func (d *Dir) plan(slot render.Slot, o Owners) (Plan, error) {
	fd, err := d.openSlot(slot.Service)
	if errors.Is(err, fs.ErrNotExist) {
		return PlanNew(slot, o), d.mustNotRunHidden(slot.Service)
	}
	var p Plan
	if err == nil {
		defer unix.Close(fd)
		p, err = d.planFor(fd, slot, o)
	}
	if err == nil && len(p.Differences) > 0 && idAt(d.fd, slot.Service) != idAt(fd, "") {
		err = fmt.Errorf("it was replaced while it was read: %w", fs.ErrNotExist)
	}
	if err != nil {
		return Plan{Change: None}, fmt.Errorf("comparing slot %q: %w", slot.Service, err)
	}
	return p, nil
}

func (d *Dir) planFor(fd int, slot render.Slot, o Owners) (Plan, error) {
	p := Plan{Change: Unchanged, service: slot.Service, want: tree(slot, o)}
	var err error
	if p.Live, err = liveAt(fd, d.listens); err != nil {
		return p, err
	}
	have, err := readSlot(fd, p.want)
	if err != nil {
		return p, err
	}
	switch p.Differences = compare(have, p.want); {
	case len(p.Differences) == 0:
	case p.Live:
		p.planInPlace(have)
	default:
		p.Change = Updated
	}
	return p, nil
}

func (d *Dir) mustNotRunHidden(service string) error {
	aside := hiddenName(service)
	held, err := d.held(aside)
	switch {
	case err != nil:
		return fmt.Errorf("looking at %q: %w", aside, err)
	case held:
		return d.stillRuns(aside, fmt.Errorf("an earlier service of that name still runs in %q", aside))
	}
	return nil
}

// Publish carries a plan out. The slot is staged whole and takes its name in one
// rename, so that an observer, or a kill at any instant, finds the old slot or
// the new one. Of a live slot each file that differs is replaced by itself; its
// directory never moves (s6, "Replacing a live directory"). On an error what
// stood still stands, of a live slot what was not replaced yet, unless it is
// ErrLeftBehind.
func (d *Dir) Publish(p Plan) error {
	var err error
	switch {
	case p.Live:
		err = d.update(p)
	case p.Change == Created || p.Change == Updated:
		err = d.replace(p)
	}
	if err != nil {
		return fmt.Errorf("publishing slot %q: %w", p.service, err)
	}
	return nil
}

// replace stages the slot and gives it its name. What is left of it, or stood
// before, goes.
func (d *Dir) replace(p Plan) error {
	if p.Change == Updated {
		if err := d.mustHoldNoMount(p.service); err != nil {
			return err
		}
	}
	staged := stagedName(p.service)
	err := d.stage(staged, p.want)
	if err == nil && p.Change == Updated {
		err = d.mustNotLive(p.service)
	}
	if err == nil {
		err = d.swapIn(staged, p.service, p.Change)
	}
	if err == nil && p.Change == Created {
		return nil
	}
	if errors.Is(err, errStaysHidden) {
		return err
	}
	if rerr := d.removeAll(staged); err == nil && rerr != nil {
		err = leftBehind(staged, rerr)
	}
	return err
}

// ErrLeftBehind says that the slot was published, and that of what stood before it
// something is left, for a Sweep to try again.
var ErrLeftBehind = errors.New("it is published, but what stood before is left")

func leftBehind(name string, err error) error {
	return fmt.Errorf("%w: removing %q: %w", ErrLeftBehind, name, err)
}

// errCameUp is of a slot that was not live when its plan was made.
var errCameUp = errors.New("a supervisor came up meanwhile: left as it is")

// mustNotLive asks again, now that the staged slot is ready: an s6-svscan that
// came up since the plan would be left with a service in a deleted directory.
func (d *Dir) mustNotLive(service string) error {
	live, err := d.Entry(service).Live()
	if live {
		return errCameUp
	}
	return err
}

// stillRuns adds the mend for a service that does not end.
func (d *Dir) stillRuns(hidden string, err error) error {
	return hint.Add(err, "s6-svstat %s/%s tells its process: end that, and the next pass clears it", d.path, hidden)
}

func stagedName(service string) string { return "." + service + ".new" }

func hiddenName(service string) string { return "." + service + ".old" }

// ParseHidden returns the service whose slot a name in the scandir holds that was moved
// aside.
func ParseHidden(name string) (service string, aside bool) {
	service, aside = strings.CutSuffix(name, ".old")
	return strings.TrimPrefix(service, "."), aside && strings.HasPrefix(name, ".gateway-")
}

func isHidden(name string) bool {
	_, aside := ParseHidden(name)
	return aside
}

// swapIn gives the staged slot its name. Afterwards the staged name is free or
// holds what stood there before.
func (d *Dir) swapIn(staged, service string, change Change) error {
	if change == Created {
		return d.renameNew(staged, service)
	}
	err := unix.Renameat2(d.fd, staged, d.fd, service, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EXDEV) {
		return d.swapByTwo(staged, service)
	}
	if err != nil {
		return fmt.Errorf("exchanging %q and %q: %w", staged, service, err)
	}
	return d.mustNotBeHeld(staged, service)
}

// errStaysHidden is of a slot that may be live and can't get its name back.
var errStaysHidden = errors.New("what stood there is hidden and may be live")

// mustNotBeHeld looks at what was exchanged out: where an s6-svscan came up at that
// very instant and a supervisor is in it by now, or nobody can tell, it gets its name
// back. Where it can't, it goes where a sweep looks before it clears.
func (d *Dir) mustNotBeHeld(staged, service string) error {
	held, err := d.held(staged)
	if held {
		err = errCameUp
	}
	if err == nil {
		return nil
	}
	if back := unix.Renameat2(d.fd, staged, d.fd, service, unix.RENAME_EXCHANGE); back != nil {
		return errors.Join(err, errStaysHidden, fmt.Errorf("exchanging %q and %q: %w", staged, service, back),
			d.rename(staged, hiddenName(service)))
	}
	return err
}

// swapByTwo is for file systems that can't exchange: the name is free for the
// instant between the two renames, and a pass that is killed there is mended by
// the next one's Sweep.
func (d *Dir) swapByTwo(staged, service string) error {
	aside := hiddenName(service)
	if err := d.mustNotRunHidden(service); err != nil {
		return err
	}
	if err := d.removeAll(aside); err != nil {
		return fmt.Errorf("clearing %q: %w", aside, err)
	}
	if err := d.rename(service, aside); err != nil {
		if errors.Is(err, unix.EXDEV) {
			return hint.Add(err, "a directory of an overlay's lower layer can't be renamed: remove it first")
		}
		return err
	}
	if err := d.rename(staged, service); err != nil {
		return errors.Join(err, d.rename(aside, service))
	}
	held, err := d.held(aside)
	if held {
		err = errCameUp
	}
	if err != nil {
		return errors.Join(err, d.rename(service, staged), d.rename(aside, service))
	}
	if err := d.removeAll(aside); err != nil {
		return leftBehind(aside, err)
	}
	return nil
}

// renameNew renames to a free name.
func (d *Dir) renameNew(from, to string) error {
	if err := fdio.RenameNew(d.fd, from, d.fd, to); err != nil {
		return fmt.Errorf("renaming %q to %q: %w", from, to, err)
	}
	return nil
}

func (d *Dir) rename(from, to string) error {
	if err := unix.Renameat(d.fd, from, d.fd, to); err != nil {
		return fmt.Errorf("renaming %q to %q: %w", from, to, err)
	}
	return nil
}
