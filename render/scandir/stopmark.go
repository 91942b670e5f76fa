package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

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
