package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// svscanControl is the FIFO on which s6-svscan takes commands.
const svscanControl = ".s6-svscan/control"

// ErrNoScanner is the error when no s6-svscan listens on the scandir.
var ErrNoScanner = errors.New("no s6-svscan listens")

// Rescan makes s6-svscan scan the scandir again, as s6-svscanctl -a does. It writes one byte
// into .s6-svscan/control and does not wait. It returns ErrNoScanner when no process reads
// there.
func (d *Dir) Rescan() error { return d.commandScanner("a") }

// commandScanner sends commands to s6-svscan (s6, "s6-svscanctl").
func (d *Dir) commandScanner(commands string) error {
	sent, err := d.writeFIFO(commands, svscanControl)
	if err != nil {
		return fmt.Errorf("writing to %q: %w", d.path+"/"+svscanControl, err)
	}
	if !sent {
		return ErrNoScanner
	}
	return nil
}

// writeFIFO writes bytes, or nothing, to a FIFO below the scandir. It reports whether a
// process reads there.
func (d *Dir) writeFIFO(bytes, fifo string) (bool, error) {
	fd, err := fdio.OpenBeneath(d.fd, fifo, unix.O_WRONLY)
	if errors.Is(err, unix.ENXIO) {
		return false, nil
	}
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer unix.Close(fd)
	if err := mustBe(fd, unix.S_IFIFO, "FIFO"); err != nil {
		return false, err
	}
	if bytes != "" {
		_, err = fdio.Write(fd, []byte(bytes))
	}
	if errors.Is(err, unix.EPIPE) {
		return false, nil
	}
	return err == nil, err
}
