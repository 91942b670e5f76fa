package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxTail is how many bytes at the end of each file of the boot log are searched.
const maxTail = 256 << 10

// BootLogTail returns the last lines of the boot log about a profile, oldest first, at most
// count, from the rotated file and the current one. The lines are not escaped. An error
// names the file that could not be read.
func (v *Volume) BootLogTail(profile string, count int) (lines []string, err error) {
	about := "profile=" + Escape(profile) + " "
	for _, name := range []string{bootLog + ".1", bootLog} {
		var text []byte
		readErr := v.AsUser(func() (err error) { text, err = v.readTail(logsDir + "/" + name); return err })
		err = errors.Join(err, readErr)
		for line := range strings.Lines(string(text)) {
			if _, fields, _ := strings.Cut(line, " "); strings.HasPrefix(fields, about) {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return lines[max(0, len(lines)-count):], err
}

// readTail returns the end of a file on the volume, or nothing when there is no file.
func (v *Volume) readTail(path string) ([]byte, error) {
	fd, err := openFile(v.top, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	text, err := tail(f)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, Bare(err))
	}
	return text, nil
}

// tail returns the end of a regular file, from the first whole line on.
func tail(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-maxTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, maxTail))
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, err
}
