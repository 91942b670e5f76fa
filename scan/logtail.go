package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// maxLogLine is the largest part of a log line that GatewayLogTail returns, in bytes.
const maxLogLine = 4 << 10

// BootLogTail returns the last lines of the boot log about a profile, oldest first, at most
// count, from the rotated file and the current one. The lines are not escaped. An error
// names the file that could not be read, or that is larger than 1 MiB.
func (v *Volume) BootLogTail(profile string, count int) ([]string, error) {
	rotated, rotatedErr := v.readLog(path.Join(logsDir, bootLog+".1"))
	current, err := v.readLog(path.Join(logsDir, bootLog))
	about := "profile=" + Escape(profile) + " "
	lines := slices.DeleteFunc(append(rotated, current...), func(line string) bool {
		_, fields, _ := strings.Cut(line, " ")
		return !strings.HasPrefix(fields, about)
	})
	return lines[max(0, len(lines)-count):], errors.Join(rotatedErr, err)
}

// gatewayLog returns the directory of a gateway's log, relative to the home.
func gatewayLog(profile string) string { return path.Join(logsDir, "gateways", profile) }

// GatewayLogTail returns the last lines that a gateway printed, oldest first, at most count.
// It cuts each line after 4 KiB. The lines are the user's text and are not escaped. A log that
// is not there has no lines.
func (v *Volume) GatewayLogTail(profile string, count int) ([]string, error) {
	lines, err := v.readLog(path.Join(gatewayLog(profile), "current"))
	lines = lines[max(0, len(lines)-count):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), maxLogLine)]
	}
	return lines, err
}

// readLog returns the lines of a log, none where there is no log.
func (v *Volume) readLog(name string) ([]string, error) {
	var text []byte
	err := v.AsUser(func() (err error) { text, err = readFile(v.top, name, maxLog); return err })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}

// CheckLogs returns an error when the user can't make the directory of a gateway's log.
func (v *Volume) CheckLogs() error { return v.checkWritable(gatewayLog("")) }

// CheckGatewayLog returns an error when the user can't write the log of a gateway: its
// directory, or the nearest one above that exists, belongs to somebody else.
func (v *Volume) CheckGatewayLog(profile string) error { return v.checkWritable(gatewayLog(profile)) }

// checkWritable returns an error unless the user may write into a directory, or into the nearest
// one above that exists.
func (v *Volume) checkWritable(name string) error {
	return v.AsUser(func() error {
		d, err := openDir(v.top, name, unix.O_PATH)
		for errors.Is(err, fs.ErrNotExist) && name != "." {
			name = path.Dir(name)
			d, err = openDir(v.top, name, unix.O_PATH)
		}
		defer d.close()
		if err == nil {
			err = d.patience.try(d.path, func() error { return fdio.Access(d.fd, ".", unix.W_OK|unix.X_OK) })
		}
		if err == nil {
			return nil
		}
		if st, serr := fdio.StatOpen(d.fd); serr == nil {
			return fmt.Errorf("%q belongs to %d:%d: %w", filepath.Join(v.home, name), st.Uid, st.Gid, err)
		}
		return fmt.Errorf("%q: %w", filepath.Join(v.home, name), err)
	})
}
