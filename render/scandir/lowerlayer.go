package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// errImmovable is the error of a slot whose directory can't be renamed.
var errImmovable = errors.New("the directory can't be renamed")

// replaceInPlace updates a slot that has no supervisor and whose directory can't be renamed: it is
// in the lower layer of an overlay. Each file is whole at any time, the slot as a whole is not.
func (d *Dir) replaceInPlace(p Plan) error {
	fd, err := fdio.Open(d.fd, p.service, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	have, err := readSlot(fd)
	if err != nil {
		return err
	}
	p.planInPlace(have)
	if p.Effect == NeedsRestart {
		return hint.Add(fmt.Errorf("%w: %w", errImmovable, unix.EXDEV), "it is in the lower layer of an overlay: remove it first")
	}
	return d.update(p)
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
		err = hint.Add(fmt.Errorf("%w: %w", errImmovable, unix.EXDEV),
			"it is in the lower layer of an overlay: run the prune before s6-svscan starts")
	}
	if err == nil {
		err = d.discard(s.name, s.service)
	}
	if err == nil {
		s.progress = removed
	}
	return err
}
