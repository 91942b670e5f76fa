package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// svscanControl is the FIFO on which s6-svscan takes commands.
const svscanControl = ".s6-svscan/control"

// ErrNoScanner says that no s6-svscan listens on the scandir.
var ErrNoScanner = errors.New("no s6-svscan listens")

// Rescan makes s6-svscan look at the scandir again, as s6-svscanctl -a does:
// it writes one byte into .s6-svscan/control and waits for nothing. It returns
// ErrNoScanner when nobody reads there.
func (d *Dir) Rescan() error { return d.control("a") }

// control gives commands to s6-svscan (s6, "s6-svscanctl").
func (d *Dir) control(commands string) error {
	told, err := d.tell(commands, svscanControl)
	if err != nil {
		return fmt.Errorf("writing to %q: %w", d.path+"/"+svscanControl, err)
	}
	if !told {
		return ErrNoScanner
	}
	return nil
}

// tell writes bytes to a FIFO below the scandir, which may be none, and returns
// whether somebody reads there.
func (d *Dir) tell(bytes, fifo string) (bool, error) {
	fd, err := fdio.OpenBeneath(d.fd, fifo, unix.O_WRONLY)
	if errors.Is(err, unix.ENXIO) {
		return false, nil
	}
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer unix.Close(fd)
	if err := mustBe(fd, unix.S_IFIFO); err != nil {
		return false, err
	}
	if bytes != "" {
		_, err = unix.Write(fd, []byte(bytes))
	}
	if errors.Is(err, unix.EPIPE) {
		return false, nil
	}
	return err == nil, err
}
