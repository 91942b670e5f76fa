package scandir

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNoScanner says that no s6-svscan listens on the scandir.
var ErrNoScanner = errors.New("no s6-svscan listens")

// Rescan makes s6-svscan look at the scandir again, as s6-svscanctl -a does:
// it writes one byte into .s6-svscan/control and waits for nothing. It returns
// ErrNoScanner when nobody reads there.
func (d *Dir) Rescan() error {
	fd, err := d.openControl()
	if err != nil {
		return err
	}
	if fd < 0 {
		return ErrNoScanner
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("a")); err != nil {
		return fmt.Errorf("writing to %q: %w", d.path+"/.s6-svscan/control", err)
	}
	return nil
}
