package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// staleFiles returns the files of a profile that hold process IDs of the
// container that wrote them, and of the home what a killed migration left.
func staleFiles(p Profile) []string {
	files := []string{"gateway.pid", "processes.json"}
	if p.Default {
		files = append(files, tempName(stateFile))
	}
	return files
}

func hasStale(d dir, p Profile) bool {
	return slices.ContainsFunc(staleFiles(p), func(name string) bool { return stands(d, name) })
}

// stands tells whether there is anything of that name, or whether that can't be told:
// then its removal says why.
func stands(d dir, name string) bool {
	var st unix.Stat_t
	return !errors.Is(unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW), fs.ErrNotExist)
}

// RemoveStale removes what a dead container's gateway left in the profile's
// directory. A link is removed, not followed. What can't be removed stays and
// is returned as a warning; the profile is none the worse for it. A profile that is a
// link keeps its stale files: the directory may belong to another profile, which is live.
func (v *Volume) RemoveStale(p Profile) []string {
	var warnings []string
	err := v.AsUser(func() error {
		warnings = v.removeStale(p)
		return nil
	})
	if err != nil {
		warnings = []string{fmt.Sprintf("removing stale files of profile %q: %s", p.Name, err)}
	}
	return warnings
}

func (v *Volume) removeStale(p Profile) []string {
	d, err := v.stalePlace(p)
	if errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return []string{fmt.Sprintf("removing stale files of profile %q: %s", p.Name, err)}
	}
	if !p.Default {
		defer d.close()
	}
	var warnings []string
	for _, name := range staleFiles(p) {
		err := removeStanding(d, name)
		if errors.Is(err, unix.EISDIR) {
			err = errors.New("is a directory, left alone")
		}
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("removing %q: %s", d.join(name), err))
		}
	}
	return warnings
}

// removeStanding removes what has that name. It looks first: a file system that is
// read-only would not say that there is nothing.
func removeStanding(d dir, name string) error {
	if !stands(d, name) {
		return nil
	}
	if err := unix.Unlinkat(d.fd, name, 0); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// stalePlace opens the directory of a profile, and returns ENOTDIR for a link.
func (v *Volume) stalePlace(p Profile) (dir, error) {
	if p.Default {
		return v.top, nil
	}
	profiles, err := openDir(v.top, ProfilesDir, unix.O_PATH)
	if err != nil {
		return noDir(), err
	}
	defer profiles.close()
	fd, err := fdio.Open(profiles.fd, p.Name, unix.O_PATH|unix.O_DIRECTORY)
	return dir{fd: fd, path: profiles.join(p.Name)}, err
}

func (v *Volume) profileDir(p Profile) (dir, error) {
	if p.Default {
		return v.top, nil
	}
	return openDir(v.top, ProfilesDir+"/"+p.Name, unix.O_PATH)
}
