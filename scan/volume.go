// Package scan reads the volume: the profiles, the recorded state of each gateway, and the
// container's role. It knows nothing about s6 and templates.
//
// An unprivileged user writes the volume, and slotgen may be root. So everything on the
// volume is done with the user's credentials, no open blocks, and no read is without a
// bound (docs/design.md, "Credentials").
package scan

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"slotgen/internal/asuser"
	"slotgen/internal/fdio"
)

// Volume is an open home.
type Volume struct {
	home   string
	layout Layout
	user   asuser.User
	top    dir
	// endWatch ends the reports of slow calls.
	endWatch func()
}

// Open opens the Root of a volume of this layout as its user. The path is made absolute. A home that does
// not exist, is no directory, or that the user can't read is an error. Slow gets every call that
// takes longer than 10 seconds.
func Open(home string, layout Layout, user asuser.User, slow Slow) (*Volume, error) {
	abs, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("opening home %q: %w", home, err)
	}
	v := &Volume{home: layout.Root(abs), layout: layout, user: user}
	v.top = dir{fd: -1, path: ".", patience: &patience{home: v.home, sums: newSums(), pending: map[*call]bool{}}}
	v.endWatch = v.top.patience.watch(slow)
	var openErr error
	err = user.Do(func() {
		openErr = v.top.patience.try(".", func() (err error) {
			v.top.fd, err = fdio.Follow(unix.AT_FDCWD, v.home, unix.O_RDONLY|unix.O_DIRECTORY)
			return err
		})
	})
	if err := errors.Join(err, openErr); err != nil {
		v.endWatch()
		return nil, fmt.Errorf("opening home %q: %w", v.home, err)
	}
	return v, nil
}

// AsUser runs f with the credentials of the volume's user.
func (v *Volume) AsUser(f func() error) error {
	var err error
	if derr := v.user.Do(func() { err = f() }); derr != nil {
		return derr
	}
	return err
}

// Home returns the volume's root as an absolute path.
func (v *Volume) Home() string { return v.home }

// Layout returns the volume's layout.
func (v *Volume) Layout() Layout { return v.layout }

// profilesPath returns the path of the profiles folder.
func (v *Volume) profilesPath() string { return filepath.Join(v.home, v.layout.Profiles) }

// FD returns the descriptor of the home.
func (v *Volume) FD() int { return v.top.fd }

// Close releases the volume's descriptor.
func (v *Volume) Close() error {
	v.endWatch()
	return unix.Close(v.top.fd)
}
