package scan

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// OpenRoot opens a directory. It never blocks: for anything else of that name the error is
// ENOTDIR. The error does not name the path.
func OpenRoot(dir string) (*os.Root, error) {
	// Asked first, since opening a FIFO would block.
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err != nil {
		return nil, Bare(err)
	}
	root, err := os.OpenRoot(dir)
	return root, Bare(err)
}

// Bare removes the paths from an error of package os. Messages quote paths themselves.
func Bare(err error) error {
	if perr, ok := errors.AsType[*os.PathError](err); ok {
		return perr.Err
	}
	if lerr, ok := errors.AsType[*os.LinkError](err); ok {
		return lerr.Err
	}
	return err
}
