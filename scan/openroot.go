package scan

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// OpenRoot opens a directory, and never blocks on what else may have its name: that is
// an ENOTDIR. The error is bare, for its caller to quote the path.
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

// Bare strips the paths from an error of package os: messages name them themselves,
// quoted.
func Bare(err error) error {
	if perr, ok := errors.AsType[*os.PathError](err); ok {
		return perr.Err
	}
	if lerr, ok := errors.AsType[*os.LinkError](err); ok {
		return lerr.Err
	}
	return err
}
