package scandir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"slotgen/internal/hint"
)

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
