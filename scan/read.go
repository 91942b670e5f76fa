package scan

import (
	"errors"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// maxFile is the largest file that is read from the volume, in bytes.
const maxFile = 1 << 20

// reader reads small files one after the other into the same memory. Each goroutine has a
// reader of its own.
type reader struct {
	buf           []byte
	withoutStates bool // no profile has a recorded state
}

// read returns the content of the regular file name below d. The content is valid until the
// next read. The error is fs.ErrNotExist, an unusable, or an errno.
func (r *reader) read(d dir, name string) ([]byte, error) {
	fd, err := openFile(d, name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	r.buf, err = fdio.Read(fd, r.buf, maxFile)
	switch {
	case errors.Is(err, fdio.ErrNotRegular):
		err = notRegular
	case errors.Is(err, fdio.ErrTooLarge):
		err = tooLarge
	}
	return r.buf, err
}
