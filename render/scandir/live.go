package scandir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// The locks of a service directory, held by its own supervisor and by its logger's.
const (
	serviceLock = "supervise/lock"
	loggerLock  = "log/supervise/lock"
)

// liveAt reports whether the slot in the open directory is live. It asks first for a
// scanner: that answer is the same for all slots.
func liveAt(fd int, hasScanner func() (bool, error)) (bool, error) {
	if yes, err := hasScanner(); yes || err != nil {
		return yes, err
	}
	return anyHeld(fd, serviceLock, loggerLock)
}

// WaitSupervised polls for at most limit until every service has its supervisors: its own,
// and its logger's where it has a logger. It returns the services that still lack one.
func (d *Dir) WaitSupervised(services []string, limit time.Duration) []string {
	waitUntil(limit, func() bool {
		services = slices.DeleteFunc(services, d.isSupervised)
		return len(services) == 0
	})
	return services
}

func (d *Dir) isSupervised(service string) bool {
	held, err := d.holds(service, serviceLock)
	if !held || err != nil {
		return false
	}
	logged, err := isDir(d.fd, service+"/log", unix.AT_SYMLINK_NOFOLLOW)
	if !logged {
		return err == nil
	}
	held, err = d.holds(service, loggerLock)
	return held && err == nil
}

// Held reports whether an s6-supervise holds the service directory name, or its logger's.
func (d *Dir) Held(name string) (bool, error) { return d.holds(name, serviceLock, loggerLock) }

// holds reports whether an s6-supervise holds one of the locks in the directory name.
func (d *Dir) holds(name string, locks ...string) (bool, error) {
	fd, err := fdio.Open(d.fd, name, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return false, nil // s6-supervise runs only in directories
	}
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer unix.Close(fd)
	return anyHeld(fd, locks...)
}

func anyHeld(fd int, locks ...string) (bool, error) {
	for _, lock := range locks {
		if held, err := lockHeld(fd, lock); held || err != nil {
			return held, err
		}
	}
	return false, nil
}

// lockHeld reports whether a process holds the lock. s6-supervise takes it by fcntl, and
// flock does not see it.
func lockHeld(dir int, lock string) (bool, error) {
	fd, err := fdio.Open(dir, lock, unix.O_RDONLY)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	ask := unix.Flock_t{Type: unix.F_RDLCK}
	if err == nil {
		defer unix.Close(fd)
		err = mustBe(fd, unix.S_IFREG, "regular file")
	}
	if err == nil {
		err = unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &ask)
	}
	if err != nil {
		return false, hintRoot(fmt.Errorf("asking %q: %w", lock, err))
	}
	return ask.Type != unix.F_UNLCK, nil
}

// hintRoot adds a hint to the error of a user who may not look at a lock or a FIFO of s6.
func hintRoot(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return hint.Add(err, "only root may ask whether a service is live")
	}
	return err
}

// isUp reports whether a process of the service, or its finish script, runs under
// a supervisor.
func (d *Dir) isUp(name string) (bool, error) {
	if held, err := d.holds(name, serviceLock); !held || err != nil {
		return false, err
	}
	fd, err := fdio.OpenBeneath(d.fd, name+"/supervise/status", unix.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	status, err := fdio.Read(fd, maxFile)
	if err != nil {
		return false, err
	}
	// The file holds two stamps of 12 bytes each, then the process number in 8 bytes, big
	// endian. The number 0 means no process.
	const number = 24 // its offset
	if len(status) < number+8 {
		return false, io.ErrUnexpectedEOF
	}
	return binary.BigEndian.Uint64(status[number:]) != 0, nil
}

// HasScanner reports whether an s6-svscan listens on the scandir.
func (d *Dir) HasScanner() (bool, error) {
	listens, err := d.writeFIFO("", svscanControl)
	if d.foreign && errors.Is(err, fs.ErrPermission) {
		return true, nil
	}
	if err != nil {
		return false, hintRoot(fmt.Errorf("opening %q: %w", d.path+"/"+svscanControl, err))
	}
	return listens, nil
}

// knownScanner is HasScanner, but keeps the first answer. Comparing slots uses it, since Publish
// asks again. It does not keep an error: one failing call would fail every profile.
func (d *Dir) knownScanner() (bool, error) {
	if known := d.scanner.Load(); known != nil {
		return *known, nil
	}
	listens, err := d.HasScanner()
	if err == nil {
		d.scanner.Store(&listens)
	}
	return listens, err
}

// mustBe returns an error when an open file is not of a kind. What names that kind.
func mustBe(fd int, kind uint32, what string) error {
	st, err := fdio.StatOpen(fd)
	if err == nil && st.Mode&unix.S_IFMT != kind {
		err = errors.New("not a " + what)
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Blocker describes a process that keeps s6-supervise from starting for a service or its logger,
// or returns "". Who may read supervise/lock may hold a read lock on it: with the access form
// group, each member of the group.
func (d *Dir) Blocker(service string) string {
	for _, lock := range []string{serviceLock, loggerLock} {
		fd, err := fdio.OpenBeneath(d.fd, service+"/"+lock, unix.O_RDONLY)
		if err != nil {
			continue
		}
		ask := unix.Flock_t{Type: unix.F_WRLCK}
		err = unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &ask)
		unix.Close(fd)
		switch {
		case err != nil || ask.Type != unix.F_RDLCK:
		case ask.Pid > 0:
			return fmt.Sprintf("process %d holds a lock on its %s: end that process", ask.Pid, lock)
		default:
			return "a process of another container holds a lock on its " + lock
		}
	}
	return ""
}
