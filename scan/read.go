package scan

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of any file on the volume, in bytes.
const maxFile = 1 << 20

// reader reads small files one after the other into the same memory. Goroutines
// that read one volume have a reader each.
type reader struct {
	*Volume
	buf []byte
}

// read returns the content of the regular file name below d, which stands until
// the next read. The error is fs.ErrNotExist, an unusable, or an errno.
func (r *reader) read(d dir, name string) ([]byte, error) {
	fd, err := r.open(d, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	r.buf, err = readAll(fd, r.buf[:0])
	return r.buf, err
}

// readAll reads a regular file into buf, which grows where it has to.
func readAll(fd int, buf []byte) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return buf, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return buf, notRegular
	}
	if st.Size > maxFile {
		return buf, tooLarge
	}
	// One byte more than the size, so that the usual read is short and meets the end.
	buf = slices.Grow(buf, int(st.Size)+1)
	for len(buf) <= maxFile {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 1)
		}
		n, err := readFd(fd, buf[len(buf):cap(buf)])
		if err != nil {
			return buf, err
		}
		buf = buf[:len(buf)+n]
		if n == 0 || int64(len(buf)) == st.Size && len(buf) < cap(buf) {
			return buf, nil
		}
	}
	return buf, tooLarge
}

func readFd(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// maxNames bounds what is read of any directory: it is some ten times the profiles that
// a volume is meant for.
const maxNames = 200_000

// ListNames returns what is in an open directory, in no order. After an error in the
// middle, or after 200,000 names, it returns those that were read, and the error.
func ListNames(fd int) ([]string, error) { return listNames(fd, maxNames) }

func listNames(fd, most int) ([]string, error) {
	var names []string
	for buf := make([]byte, 4<<10); len(names) <= most; {
		n, err := unix.ReadDirent(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil, n == 0:
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	return names[:most], fmt.Errorf("more than %d entries, of which the rest is not read", most)
}
