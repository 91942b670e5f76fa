package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
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
// link to another one, or to the home, leaves them to that one.
func (v *Volume) RemoveStale(p Profile) []string {
	d, err := v.profileDir(p)
	if err != nil {
		return []string{fmt.Sprintf("removing stale files of profile %q: %s", p.Name, err)}
	}
	if !p.Default {
		defer d.close()
		if v.isAnothers(p, d) {
			return nil
		}
	}
	var warnings []string
	for _, name := range staleFiles(p) {
		if !stands(d, name) {
			continue // a file system that is read-only would not say so
		}
		err := unix.Unlinkat(d.fd, name, 0)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, unix.EISDIR) {
			err = errors.New("is a directory, left alone")
		}
		warnings = append(warnings, fmt.Sprintf("removing %q: %s", d.join(name), err))
	}
	return warnings
}

// isAnothers tells whether a profile is a link to the home or to another profile's
// directory: the files in there are that one's, which may be live.
func (v *Volume) isAnothers(p Profile, d dir) bool {
	profiles, err := v.openDir(v.top, ProfilesDir, unix.O_PATH)
	if err != nil {
		return false
	}
	defer profiles.close()
	var st unix.Stat_t
	if unix.Fstatat(profiles.fd, p.Name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return false
	}
	if sameFile(d, ".", v.top.fd) == nil {
		return true
	}
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd))
	name := path.Base(target)
	return err == nil && CheckName(name) == "" && name != DefaultName && sameFile(d, "..", profiles.fd) == nil
}

func (v *Volume) profileDir(p Profile) (dir, error) {
	if p.Default {
		return v.top, nil
	}
	return v.openDir(v.top, ProfilesDir+"/"+p.Name, unix.O_PATH)
}
