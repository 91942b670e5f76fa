package scandir

import (
	"fmt"
	"os"
	"strings"

	"slotgen/internal/hint"
)

// mustHoldNoMount returns an error where a file system is mounted in the directory name.
// Removing the directory would remove the files of that file system.
func (d *Dir) mustHoldNoMount(name string) error {
	for _, point := range d.mounts() {
		if point == name || strings.HasPrefix(point, name+"/") {
			return hint.Add(fmt.Errorf("a file system is mounted at %q", d.path+"/"+point), "unmount it: what it holds would be removed")
		}
	}
	return nil
}

// mounts returns the mount points below the scandir, relative to it. Without /proc it
// returns none.
func (d *Dir) mounts() []string {
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", d.fd))
	if err != nil {
		return nil
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	// mountinfo escapes paths like this (proc_pid_mountinfo(5)).
	escaped := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(strings.TrimSuffix(path, "/"))
	var points []string
	for line := range strings.Lines(string(table)) {
		const mountPoint = 4 // the fifth field
		if fields := strings.Fields(line); len(fields) > mountPoint {
			if point, below := strings.CutPrefix(fields[mountPoint], escaped+"/"); below {
				points = append(points, point)
			}
		}
	}
	return points
}
