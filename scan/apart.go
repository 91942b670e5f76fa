package scan

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Apart returns an error where a directory that is removed from an open directory by its
// name might be of the volume: the home lies in it, or it lies in the profiles folder.
func (v *Volume) Apart(fd int) error {
	profiles := noDir()
	err := v.AsUser(func() error {
		in, err := v.within(v.top.fd, fd)
		if in {
			err = errors.New("the home lies in it")
		}
		if err == nil {
			profiles, _ = openDir(v.top, v.layout.Profiles, unix.O_PATH) // without it nothing is removed
		}
		return err
	})
	if err != nil || profiles.fd < 0 {
		return err
	}
	defer profiles.close()
	where := v.layout.Folder()
	if v.layout.Profiles != homeItself {
		where = "the home's " + where
	}
	in, err := v.within(fd, profiles.fd)
	if in {
		return errors.New("it lies in " + where)
	}
	return err
}

// within calls within with the patience of the volume.
func (v *Volume) within(fd, outer int) (in bool, err error) {
	err = v.top.patience.try(".", func() (err error) { in, err = within(fd, outer); return err })
	return in, err
}

// within reports whether an open directory is outer, or lies below it at any depth.
func within(fd, outer int) (bool, error) {
	want, err := FileIDAt(outer, "")
	if err != nil {
		return false, err
	}
	for up, before := ".", (FileID{}); ; up += "/.." {
		switch at, err := FileIDAt(fd, up); {
		case err != nil:
			return false, fmt.Errorf("looking for the parent of a directory: %w", err)
		case at == want:
			return true, nil
		case at == before:
			return false, nil // the root
		default:
			before = at
		}
	}
}
