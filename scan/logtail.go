package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// BootLogTail returns the last lines of the boot log about a profile, oldest first, at most
// count, from the rotated file and the current one. The lines are not escaped. An error
// names the file that could not be read, or that is larger than 1 MiB.
func (v *Volume) BootLogTail(profile string, count int) (lines []string, err error) {
	about := "profile=" + Escape(profile) + " "
	for _, name := range []string{bootLog + ".1", bootLog} {
		path := logsDir + "/" + name
		var text []byte
		readErr := v.AsUser(func() (err error) { text, err = readFile(v.top, path, maxLog); return err })
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("reading %q: %w", path, readErr))
			continue
		}
		for line := range strings.Lines(string(text)) {
			if _, fields, _ := strings.Cut(line, " "); strings.HasPrefix(fields, about) {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return lines[max(0, len(lines)-count):], err
}
