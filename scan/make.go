package scan

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// notOurs is what stands in the place of a file that is to be written: writing
// through it could reach a file that is not on the volume or not the user's.
const notOurs = unusable("not a regular file with one link, left alone")

// ownFileSize returns the size of an open file that may be written to: a
// regular one with a single link.
func ownFileSize(fd int) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 {
		return 0, notOurs
	}
	return st.Size, nil
}

// ownFileError names what an open for writing ran into: a link, a directory, or
// a FIFO or socket that nobody reads.
func ownFileError(err error) error {
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR) {
		return notOurs
	}
	return err
}

// makeFile makes the file name in d with mode 0644: written and given to its
// owner under another name, then moved into place. fs.ErrExist says that the
// name was taken meanwhile; what stands there is left as it is.
func makeFile(d dir, name string, owner Owner, data []byte) error {
	tmp := tempName(name)
	_ = unix.Unlinkat(d.fd, tmp, 0) // of a pass that was killed
	fd, err := openNew(d.fd, tmp)
	if err != nil {
		return tempError(d, tmp, err)
	}
	defer unix.Close(fd)
	err = fillFile(fd, owner, data)
	if err == nil {
		err = fdio.RenameNew(d.fd, tmp, d.fd, name)
		// Another pass takes our other name for its own, and may have put it in place.
		placed := mustStandAt(d, name, fd)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) && placed == nil {
			return placed
		}
	}
	_ = unix.Unlinkat(d.fd, tmp, 0)
	return err
}

// openNew makes a file that is to be filled. Another pass may put it in place, and write
// to it, before we have: we append, and it has a mode that lets its owner write.
func openNew(dirFd int, name string) (int, error) {
	return fdio.Open(dirFd, name, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL)
}

// mustStandAt returns fs.ErrExist when name is not the open file: another pass, of a second
// container on the volume, may have put its own under our other name.
func mustStandAt(d dir, name string, fd int) error {
	made, err := FileIDAt(fd, "")
	if err != nil {
		return err
	}
	stands, err := FileIDAt(d.fd, name)
	if err == nil && stands != made {
		err = fs.ErrExist
	}
	return err
}

func fillFile(fd int, owner Owner, data []byte) error {
	if err := writeWhole(fd, data); err != nil {
		return err
	}
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, 0o644); err != nil {
		return err
	}
	return unix.Fsync(fd)
}

// errTempTaken is of another name that somebody has taken: another pass, or the
// volume's owner with something that can't be cleared.
var errTempTaken = errors.New("the name is taken")

// tempError keeps a taken other name apart from a taken name.
func tempError(d dir, tmp string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making %+q: %w", d.join(tmp), errTempTaken)
	}
	return err
}

// tempName is always the same, so that the next pass clears what a killed one
// left.
func tempName(name string) string { return "." + name + ".new" }
