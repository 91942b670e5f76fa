package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// Retire removes the slot of a service. It returns an error when the slot is live, and
// leaves it alone.
func (d *Dir) Retire(service string) error {
	if err := d.mustNotBeLive(service); err != nil {
		return err
	}
	return d.discard(service, service)
}

// discard removes the slot with the given name. First it renames the slot to its staged
// name: a later pass could take a half removed directory with a slot's name, visible or
// hidden, for a slot.
func (d *Dir) discard(name, service string) error {
	staged := stagedName(service)
	err := d.mustHoldNoMount(name)
	if err == nil {
		err = d.removeAll(staged)
	}
	if err == nil {
		err = ignoreMissing(d.rename(name, staged))
	}
	switch {
	case err == nil:
		err = d.removeAll(staged)
	case errors.Is(err, unix.EXDEV):
		err = d.removeInPlace(name)
	}
	if err != nil {
		return fmt.Errorf("removing %q: %w", name, err)
	}
	return nil
}

// removeInPlace removes a slot that has no supervisor and whose directory can't be renamed. The
// run script goes first: a half removed slot can't start.
func (d *Dir) removeInPlace(name string) error {
	if err := ignoreMissing(fdio.Remove(d.fd, name+"/run")); err != nil {
		return err
	}
	return d.removeAll(name)
}

// removeImmovable removes the slot of a service that is down and can't be hidden.
func (d *Dir) removeImmovable(s *drainingService) error {
	held, err := d.Held(s.name)
	if held {
		err = hint.Add(errImmovable, "it is in the lower layer of an overlay: run the prune before s6-svscan starts")
	}
	if err == nil {
		err = d.discard(s.name, s.service)
	}
	if err == nil {
		s.progress = removed
	}
	return err
}
