package scandir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// CheckExec returns an error, with a hint, where the scandir's file system executes no programs.
// s6-supervise would try to start each service once a second.
func (d *Dir) CheckExec() error {
	var st unix.Statfs_t
	if isNoExec := unix.Fstatfs(d.fd, &st) == nil && st.Flags&unix.ST_NOEXEC != 0; !isNoExec {
		return nil
	}
	return hint.Add(fmt.Errorf("scandir %q is mounted noexec: no run script in it can start", d.path),
		"mount it with the option exec; docker run --tmpfs /run:exec")
}

// CheckModes returns an error, with a hint, where the scandir's file system ignored the mode that
// slotgen gave to a file. Before slotgen has given one, it returns nil.
func (d *Dir) CheckModes() error {
	if !d.modes.ignored.Load() {
		return nil
	}
	return hint.Add(fmt.Errorf("the file system of scandir %q ignores modes: every pass updates its slots", d.path),
		"mount a tmpfs there")
}

// modeCheck finds out once whether the file system takes modes.
type modeCheck struct {
	once    sync.Once
	ignored atomic.Bool
}

// look looks at a file that was just given a mode.
func (c *modeCheck) look(dir int, name string, mode uint32) {
	const permissions = 0o777
	c.once.Do(func() {
		st, err := fdio.Stat(dir, name, unix.AT_SYMLINK_NOFOLLOW)
		c.ignored.Store(err == nil && (st.Mode^mode)&permissions != 0)
	})
}

// mustHoldNoMount returns an error where a file system is mounted in the directory name.
// Removing the directory would remove the files of that file system. Without /proc
// mustHoldNoMount finds no mount.
func (d *Dir) mustHoldNoMount(name string) error {
	path, perr := d.realPath()
	table, terr := os.ReadFile("/proc/self/mountinfo")
	if perr != nil || terr != nil {
		return nil
	}
	// mountinfo escapes paths like this (proc_pid_mountinfo(5)).
	escape := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
	dir := escape.Replace(filepath.Join(path, name))
	for line := range strings.Lines(string(table)) {
		const mountPoint = 4 // the fifth field
		fields := strings.Fields(line)
		if len(fields) > mountPoint && strings.HasPrefix(fields[mountPoint]+"/", dir+"/") {
			return hint.Add(fmt.Errorf("a file system is mounted at %q", fields[mountPoint]), "unmount it: what it holds would be removed")
		}
	}
	return nil
}
