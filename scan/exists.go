package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Exists reports whether profiles/ holds anything of that name.
func (v *Volume) Exists(name string) (exists bool, err error) {
	err = v.AsUser(func() error {
		d, err := openDir(v.top, ProfilesDir, unix.O_PATH)
		if err != nil {
			return fmt.Errorf("reading %q: %w", filepath.Join(v.home, ProfilesDir), err)
		}
		defer d.close()
		var st unix.Stat_t
		err = unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading %+q: %w", d.join(name), err)
		}
		exists = err == nil
		return nil
	})
	return exists, err
}
