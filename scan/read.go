package scan

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

const (
	// maxLog is the largest log that is read, in bytes.
	maxLog = 1 << 20
	// maxStateFile is the largest file with the state of a gateway that is read, in bytes.
	maxStateFile = 64 << 10
)

func tooLarge(most int) unusable {
	if most >= 1<<20 {
		return unusable(fmt.Sprintf("larger than %d MiB", most>>20))
	}
	return unusable(fmt.Sprintf("larger than %d KiB", most>>10))
}

// fileKey identifies a file with its content, and what is read from it.
type fileKey struct {
	FileID
	size         int64
	mtime, ctime unix.Timespec
	name         string
}

// readFile returns the content of the regular file at a path below d. The error is fs.ErrNotExist,
// an unusable, or an errno.
func readFile(d dir, path string, most int) ([]byte, error) {
	data, _, err := d.read(path, most, func(fileKey) bool { return false })
	return data, err
}

// parsed is what a parser made of a file.
type parsed[T any] struct {
	value T
	err   error
}

// readParsed returns what parse makes of a file, or the error of readFile. A file that has several
// names, or that links lead to, is read and parsed once in a scan. Its bytes are taken from a sum.
func readParsed[T any](d dir, path string, most int, from *sum, parse func(data []byte) (T, error)) (T, error) {
	sums := d.patience.sums
	var result parsed[T]
	isKnown, isShared := false, false
	defer func() {
		if isShared {
			sums.sharing.Unlock()
		}
	}()
	data, key, err := d.read(path, most, func(key fileKey) bool {
		if !isShared {
			sums.sharing.Lock()
			isShared = true
		}
		result, isKnown = sums.seen[key].(parsed[T]) // one file may be config.yaml and the data file
		return isKnown
	})
	switch {
	case err != nil:
		return result.value, err
	case isKnown:
		return result.value, result.err
	case !from.take(len(data) - freeBytes):
		return result.value, errTooMuchRead
	}
	result.value, result.err = parse(data)
	if isShared {
		sums.seen[key] = result
	}
	return result.value, result.err
}

// read reads a regular file unless it is known. It looks before it opens: to open a device may do
// something. The key is zero for a file that has one name, and is reached through no link.
func (d dir) read(path string, most int, known func(fileKey) bool) (data []byte, key fileKey, err error) {
	err = d.patience.try(d.join(path), func() error {
		w, err := d.follow(path, func(w *walk, name string) error {
			st, err := w.stat(name)
			switch {
			case err != nil:
				return err
			case st.Mode&unix.S_IFMT != unix.S_IFREG:
				return notRegular
			case st.Size > int64(most):
				return tooLarge(most)
			}
			if d.isLinked || w.links > 0 || st.Nlink > 1 {
				key = fileKey{FileID{st.Dev, st.Ino}, st.Size, st.Mtim, st.Ctim, path}
				if known(key) {
					return nil
				}
			}
			data, err = readAt(w.at, name, most)
			return err
		})
		return w.explain(err)
	})
	return data, key, err
}

func readAt(at int, name string, most int) ([]byte, error) {
	fd, err := fdio.Open(at, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data, err := fdio.Read(fd, most)
	switch {
	case errors.Is(err, fdio.ErrNotRegular):
		err = notRegular
	case errors.Is(err, fdio.ErrTooLarge):
		err = tooLarge(most)
	}
	return data, err
}
