package scandir

import "golang.org/x/sys/unix"

// Weight returns how many services s6-svscan supervises for a name in the
// scandir: 1 for a service directory, links to one too, 2 with its logger, and 0
// for what it passes over. What a prune left hidden still counts.
func (d *Dir) Weight(name string) int {
	if name[0] == '.' && !isAside(name) || !isDir(d.fd, name, 0) {
		return 0
	}
	if isDir(d.fd, name+"/log", 0) {
		return 2
	}
	return 1
}

// IsServiceDir tells whether a name in the scandir is a directory, not a link to
// one.
func (d *Dir) IsServiceDir(name string) bool { return isDir(d.fd, name, unix.AT_SYMLINK_NOFOLLOW) }

func isDir(fd int, name string, flags int) bool {
	var st unix.Stat_t
	return unix.Fstatat(fd, name, &st, flags) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// Retire removes the slot of a service, unless it is live: then it stays, and
// that is an error.
func (d *Dir) Retire(service string) error {
	if err := d.mustNotLive(service); err != nil {
		return err
	}
	if err := d.rename(service, asideName(service)); err != nil {
		return ignoreMissing(err)
	}
	return d.removeAll(asideName(service))
}
