package scandir

import (
	"path"
	"slices"

	"slotgen/internal/fdio"

	"golang.org/x/sys/unix"
)

// clear removes the directory of a slot in which those nodes were found. They go by
// their names, which spares listing them; removeAll finds what is left.
func (d *Dir) clear(name string, found []node) error {
	if fd, err := fdio.Open(d.fd, name, unix.O_PATH|unix.O_DIRECTORY); err == nil {
		for _, n := range slices.Backward(found) {
			remove(fd, n)
		}
		unix.Close(fd)
	}
	if unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) == nil {
		return nil
	}
	return d.removeAll(name)
}

// remove unlinks a node where nobody else could have put a link on the way to it: in
// the slot's own directory or its logger's.
func remove(slot int, n node) {
	if dir := path.Dir(n.path); dir != "." && dir != "log" {
		return
	}
	if n.kind != unix.S_IFDIR {
		_ = unix.Unlinkat(slot, n.path, 0)
		return
	}
	if isSkeleton(n.path) {
		_ = unix.Unlinkat(slot, n.path+"/control", 0)
	}
	_ = unix.Unlinkat(slot, n.path, unix.AT_REMOVEDIR)
}
