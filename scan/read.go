package scan

import (
	"errors"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// maxFile is the largest file that is read from the volume, in bytes.
const maxFile = 1 << 20

// readFile returns the content of the regular file name below d. The error is fs.ErrNotExist,
// an unusable, or an errno.
func readFile(d dir, name string) ([]byte, error) {
	var data []byte
	err := d.patience.try(d.join(name), func() error {
		fd, err := openFile(d, name)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		data, err = fdio.Read(fd, nil, maxFile)
		return err
	})
	switch {
	case errors.Is(err, fdio.ErrNotRegular):
		err = notRegular
	case errors.Is(err, fdio.ErrTooLarge):
		err = tooLarge
	}
	return data, err
}
