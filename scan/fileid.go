package scan

import "golang.org/x/sys/unix"

// FileID tells a file or directory from all others that there are, by whatever name.
// The zero one is of none.
type FileID struct{ dev, ino uint64 }

// FileIDAt returns that of what name is in the open directory fd, of a link its own, and
// without a name that of fd.
func FileIDAt(fd int, name string) (FileID, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH); err != nil {
		return FileID{}, err
	}
	return FileID{st.Dev, st.Ino}, nil
}
