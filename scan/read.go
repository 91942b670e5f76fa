package scan

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of any file on the volume, in bytes.
const maxFile = 1 << 20

// read returns the content of the regular file name below d. The error is
// fs.ErrNotExist, an unusable, or an errno.
func (v *Volume) read(d dir, name string) ([]byte, error) {
	fd, err := v.open(d, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd)
}

func readAll(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, notRegular
	}
	if st.Size > maxFile {
		return nil, tooLarge
	}
	// One byte more than the size, so that the usual read meets the end at once.
	buf := make([]byte, 0, st.Size+1)
	for len(buf) <= maxFile {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := readFd(fd, buf[len(buf):cap(buf)])
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		buf = buf[:len(buf)+n]
	}
	return nil, tooLarge
}

func readFd(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
