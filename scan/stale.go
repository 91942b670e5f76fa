package scan

import (
	"errors"
	"fmt"
	"io/fs"
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
// link to another one, or to the home, leaves them to that one, and where that can't be
// told they stay.
func (v *Volume) RemoveStale(p Profile) []string {
	d, err := v.profileDir(p)
	if err != nil {
		return []string{fmt.Sprintf("removing stale files of profile %q: %s", p.Name, err)}
	}
	if !p.Default {
		defer d.close()
		another, err := v.isAnothers(p, d)
		if err != nil {
			return []string{fmt.Sprintf("looking for stale files of profile %q: %s", p.Name, err)}
		}
		if another {
			return nil
		}
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

// isAnothers tells whether a profile is a link to the home or to another profile's
// directory: the files in there are that one's, which may be live. Of several links to a
// directory that is no profile itself, the files are the first one's.
func (v *Volume) isAnothers(p Profile, d dir) (bool, error) {
	profiles, err := v.openDir(v.top, ProfilesDir, unix.O_PATH)
	if err != nil {
		return false, err
	}
	defer profiles.close()
	var st unix.Stat_t
	if err := unix.Fstatat(profiles.fd, p.Name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return false, err
	}
	id, err := FileIDAt(d.fd, "")
	if err != nil {
		return false, err
	}
	whose, err := v.owned()
	return whose[id] != p.Name, err
}

// owned is whose each directory is that a profile's name leads to.
type owned map[FileID]string

func (o owned) claim(id FileID, name string) {
	if o[id] == "" {
		o[id] = name
	}
}

// listOwned reads owned. A directory is its own before it is a link's.
func (v *Volume) listOwned() (owned, error) {
	profiles, err := v.openDir(v.top, ProfilesDir, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer profiles.close()
	names, err := ListNames(profiles.fd)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all, links := owned{}, []string{}
	if id, err := FileIDAt(v.top.fd, ""); err == nil {
		all.claim(id, DefaultName)
	}
	for _, name := range names {
		var st unix.Stat_t
		if name == DefaultName || CheckName(name) != "" || unix.Fstatat(profiles.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			links = append(links, name)
		} else {
			all.claim(FileID{st.Dev, st.Ino}, name)
		}
	}
	for _, name := range links {
		if id, err := v.idBehind(profiles, name); err == nil {
			all.claim(id, name)
		}
	}
	return all, nil
}

// idBehind is of the directory that a link leads to.
func (v *Volume) idBehind(d dir, name string) (FileID, error) {
	led, err := v.openDir(d, name, unix.O_PATH)
	if err != nil {
		return FileID{}, err
	}
	defer led.close()
	return FileIDAt(led.fd, "")
}

func (v *Volume) profileDir(p Profile) (dir, error) {
	if p.Default {
		return v.top, nil
	}
	return v.openDir(v.top, ProfilesDir+"/"+p.Name, unix.O_PATH)
}
