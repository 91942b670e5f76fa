package scan

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Exists tells whether profiles/ holds something of that name, whatever it is.
// The error says that this could not be told.
func (v *Volume) Exists(name string) (bool, error) {
	d, err := v.openDir(v.top, ProfilesDir, unix.O_PATH)
	if err != nil {
		return false, fmt.Errorf("reading %q: %w", v.absolute(ProfilesDir), err)
	}
	defer d.close()
	var st unix.Stat_t
	err = unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading %+q: %w", d.join(name), err)
	}
	return true, nil
}
