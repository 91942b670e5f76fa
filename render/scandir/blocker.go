package scandir

import (
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

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
