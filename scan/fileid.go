package scan

import (
	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// FileID identifies a file or directory, whatever its name. The zero FileID identifies none.
type FileID struct{ dev, ino uint64 }

// FileIDAt returns the FileID of a name in the open directory fd, or of fd itself when the
// name is empty. It does not follow a link.
func FileIDAt(fd int, name string) (FileID, error) {
	st, err := fdio.Stat(fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
	if err != nil {
		return FileID{}, err
	}
	return FileID{st.Dev, st.Ino}, nil
}
