package scandir

import (
	"fmt"
	"path/filepath"
	"strings"

	"slotgen/internal/process"
)

// Strays returns the numbers of the s6-supervise processes whose slot was removed while they ran,
// by service. Such a supervisor, its service and its logger go on (s6, "s6-svscan"). A slot that
// is published under the name would run beside them.
//
// Proc is /proc. Only root sees the supervisors of root there. Without it Strays finds none.
func (d *Dir) Strays(proc string) map[string]int {
	strays := map[string]int{}
	path, err := d.realPath()
	if err != nil {
		return strays
	}
	for p, err := range process.All(proc) {
		if err != nil {
			continue
		}
		args, err := p.Args()
		if err != nil || len(args) < 2 || filepath.Base(args[0]) != "s6-supervise" {
			continue
		}
		name := args[len(args)-1]
		service := strings.TrimSuffix(name, "/log")
		if dir, _ := p.Dir(); dir != filepath.Join(path, name)+" (deleted)" {
			continue
		}
		if _, known := strays[service]; !known || name == service {
			strays[service] = p.ID
		}
	}
	return strays
}

// EndStrays returns the sentence that says how to end the processes of Strays.
func (d *Dir) EndStrays() string {
	return fmt.Sprintf("s6-svscanctl -an %s ends the services whose directories were removed", d.path)
}
