package scan

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// makeFile calls tryToMakeFile with the patience of the volume.
func makeFile(d dir, name string, data []byte) error {
	return d.patience.try(d.join(name), func() error { return tryToMakeFile(d, name, data) })
}

// tryToMakeFile makes the file name in d with mode 0644: it writes it under another name, then
// moves it into place. fs.ErrExist says that the name was taken meanwhile; the file there
// is left as it is.
func tryToMakeFile(d dir, name string, data []byte) error {
	tmp := tempName(name)
	_ = fdio.Remove(d.fd, tmp) // of a pass that was killed
	fd, err := fdio.Create(d.fd, tmp, unix.O_WRONLY|unix.O_APPEND|unix.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making %+q: the name is taken", d.join(tmp))
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = writeWhole(fd, data)
	if err == nil {
		err = fdio.Sync(fd)
	}
	if err == nil {
		err = fdio.RenameNew(d.fd, tmp, d.fd, name)
	}
	if err != nil {
		_ = fdio.Remove(d.fd, tmp)
	}
	return err
}

// tempName is always the same, so that the next pass clears what a killed one left.
func tempName(name string) string { return "." + name + ".new" }
