package scandir

import (
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

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
		return hint.Add(fmt.Errorf("its directory can't be renamed: %w", unix.EXDEV), "it is in the lower layer of an overlay: remove it first")
	}
	return d.update(p)
}
