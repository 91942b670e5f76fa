package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// staleFiles returns the files of a profile with process IDs of the container that wrote
// them. For the home it adds the file that a killed migration leaves.
func (l Layout) staleFiles(p Profile) []string {
	if p.Default && l.StateFile != "" {
		return append(slices.Clone(l.StaleFiles), tempName(l.StateFile))
	}
	return l.StaleFiles
}

// hasStale reports whether there is a file to remove. It also does when that is unknown: then
// its removal says why.
func (l Layout) hasStale(d dir, p Profile) bool {
	return slices.ContainsFunc(l.staleFiles(p), func(name string) bool {
		_, err := d.lstat(name)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

// RemoveStale removes the files that the gateway of a dead container left in the profile's
// directory. It removes a link and does not follow it. It returns a warning for each file
// that it can't remove. A profile that is a link keeps its stale files: the directory may
// belong to another profile, which is live.
func (v *Volume) RemoveStale(p Profile) []string {
	var warnings []string
	err := v.AsUser(func() error {
		d, err := v.stalePlace(p)
		if err != nil {
			return err
		}
		defer d.close()
		for _, name := range v.layout.staleFiles(p) {
			err := removeExisting(d, name)
			if errors.Is(err, unix.EISDIR) {
				err = errors.New("is a directory, left alone")
			}
			if err != nil {
				warnings = append(warnings, fmt.Sprintf("removing %q: %s", d.join(name), err))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, unix.ENOTDIR) {
		warnings = append(warnings, fmt.Sprintf("removing stale files of profile %q: %s", p.Name, err))
	}
	return warnings
}

// removeExisting removes a name. It looks first: on a read-only file system the removal of a
// missing name would fail.
func removeExisting(d dir, name string) error {
	_, err := d.lstat(name)
	if err == nil {
		err = d.patience.try(d.join(name), func() error { return fdio.Remove(d.fd, name) })
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// stalePlace opens the directory of a profile, and returns ENOTDIR for a link.
func (v *Volume) stalePlace(p Profile) (dir, error) {
	if p.Default {
		return openDir(v.top, ".", unix.O_PATH)
	}
	profiles, err := openDir(v.top, v.layout.Profiles, unix.O_PATH)
	if err != nil {
		return noDir(), err
	}
	defer profiles.close()
	d := dir{-1, profiles.join(p.Name), v.top.patience, false}
	err = d.patience.try(d.path, func() (err error) {
		d.fd, err = fdio.Open(profiles.fd, p.Name, unix.O_PATH|unix.O_DIRECTORY)
		return err
	})
	return d, err
}
