package scandir

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// Risks returns a warning for each account besides root and slotgen's own that may write to
// the scandir, to a directory above it or to s6-svscan's control. Root runs the programs in a
// scandir: such an account can become root.
func (d *Dir) Risks() []string {
	var risks []string
	if who := d.WritableBy(); who != "" {
		risks = append(risks, fmt.Sprintf("scandir %q is writable by %s, who is thereby root", d.path, who))
	}
	if risk := d.riskAbove(); risk != "" {
		risks = append(risks, risk)
	}
	fd, err := fdio.OpenBeneath(d.fd, svscanControl, unix.O_PATH)
	if err != nil {
		return risks
	}
	defer unix.Close(fd)
	if who := writersOf(fd); who != "" {
		risks = append(risks, fmt.Sprintf("%q is writable by %s, who can thereby end every service",
			d.path+"/"+svscanControl, who))
	}
	return risks
}

// riskAbove returns a warning for the first directory above the scandir in which other accounts may
// write, or "". They can put another scandir in the place of this one, unless the sticky bit keeps
// them from that.
func (d *Dir) riskAbove() string {
	path, err := d.realPath()
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if who := renamersOf(dir); who != "" {
			return fmt.Sprintf("%q, above the scandir, is writable by %s, who is thereby root", dir, who)
		}
		if dir == "/" {
			return ""
		}
	}
}

func renamersOf(dir string) string {
	fd, err := fdio.Open(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	if st, err := fdio.StatOpen(fd); err != nil || st.Mode&unix.S_ISVTX != 0 {
		return ""
	}
	return writersOf(fd)
}

// WritableBy describes the accounts besides root and slotgen's own that may write to the
// scandir. It returns "" if there are none.
func (d *Dir) WritableBy() string { return writersOf(d.fd) }

// writersOf is WritableBy for an open file or directory.
func writersOf(fd int) string {
	st, err := fdio.StatOpen(fd)
	if err != nil {
		return ""
	}
	switch {
	case st.Mode&0o002 != 0 && st.Mode&unix.S_ISVTX == 0:
		return "everybody"
	case st.Mode&0o002 != 0:
		return "everybody, within the sticky bit's limits"
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Sprintf("uid %d", st.Uid)
	case st.Mode&0o020 != 0 && st.Gid != 0 && int(st.Gid) != os.Getegid():
		return fmt.Sprintf("gid %d", st.Gid)
	case st.Mode&0o020 != 0 && hasACL(fd):
		return "whom its access control list names"
	}
	return ""
}

// superviseRisks returns a warning for each supervise directory of a live slot that belongs to
// another account. A pass never changes them. AccessOwner has a warning of its own.
func (d *Dir) superviseRisks(service string, have []Node, access Access) []string {
	var risks []string
	for _, n := range have {
		if access == AccessOwner || n.path != "supervise" && n.path != "log/supervise" {
			continue
		}
		dir := filepath.Join(d.path, service, n.path)
		if risk := superviseRisk(dir, n.UID); risk != "" {
			risks = append(risks, risk+fmt.Sprintf(": chown -R root %q takes it back", dir))
		}
	}
	return risks
}

// ServiceRisk returns a warning when the service directory dir has a supervisor and its supervise
// directory belongs to another account, or else "".
func ServiceRisk(dir string) string {
	var control, supervise unix.Stat_t
	dir = filepath.Join(dir, "supervise")
	if unix.Stat(dir, &supervise) != nil || unix.Lstat(dir+"/control", &control) != nil || control.Mode&unix.S_IFMT != unix.S_IFIFO {
		return ""
	}
	return superviseRisk(dir, int(supervise.Uid))
}

// superviseRisk describes the power of the owner of a supervise directory, or returns "". Without
// root privileges there is no power of root to give away.
func superviseRisk(dir string, uid int) string {
	if uid == 0 || os.Geteuid() != 0 {
		return ""
	}
	return fmt.Sprintf("%q belongs to uid %d, who can thereby control the service and make root overwrite any file", dir, uid)
}

// hasACL reports whether fd has an access control list. Then the group's permission bits are
// the mask of that list (acl(5)).
func hasACL(fd int) bool {
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "system.posix_acl_access", nil)
	return n > 0 && err == nil
}
