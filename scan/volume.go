// Package scan reads the volume: the profiles, what each gateway was last meant
// to do, and the container's own role. It knows nothing of s6 or of templates.
//
// The volume is written by an unprivileged user and read as root. So everything
// on it is reached through the one descriptor that Open takes: no link leads
// out of the home, no open blocks, no read is without a bound.
package scan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Volume is an open home.
type Volume struct {
	home string
	root *os.Root
	top  dir
}

// Root returns the volume's root that an absolute path stands for: of one whose parent
// directory is called "profiles", the directory two levels up (docs/design.md, "Words").
func Root(home string) string {
	if parent := filepath.Dir(home); filepath.Base(parent) == ProfilesDir {
		return filepath.Dir(parent)
	}
	return home
}

// Open opens the volume's Root. The path is made absolute; a home that does not
// exist or is no directory is an error.
func Open(home string) (*Volume, error) {
	abs, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("opening home %q: %w", home, err)
	}
	abs = Root(abs)
	root, err := OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("opening home %q: %w", abs, err)
	}
	fd, err := openRooted(root, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening home %q: %w", abs, Bare(err)), root.Close())
	}
	return &Volume{home: abs, root: root, top: dir{fd: fd, path: "."}}, nil
}

// Home returns the volume's root as an absolute path.
func (v *Volume) Home() string { return v.home }

// absolute returns the absolute path of what is at a clean path below the home.
func (v *Volume) absolute(rel string) string { return strings.TrimSuffix(v.home, "/") + "/" + rel }

// Close releases the volume's descriptors.
func (v *Volume) Close() error {
	v.top.close()
	return v.root.Close()
}
