package scan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

const (
	logsDir    = "logs"
	bootLog    = "container-boot.log"
	rotateSize = 262144
)

// Outcome is the result of a pass for one profile.
type Outcome struct {
	Profile   string
	Intent    Intent
	Action    string // started, registered, skipped or failed
	PriorExit string
	Change    string // created, updated, unchanged or none
	// Reason is left out of the line when it is empty.
	Reason string
}

// appendLine adds the line of the outcome to text (docs/design.md, "Stale files and the boot log").
func (o Outcome) appendLine(text []byte, at time.Time, host string) []byte {
	text = at.AppendFormat(text, "2006-01-02T15:04:05-0700")
	text = append(append(text, " profile="...), Escape(o.Profile)...)
	text = append(append(text, " prior_state="...), o.Intent.String()...)
	text = append(append(text, " action="...), o.Action...)
	text = append(append(text, " prior_exit="...), o.PriorExit...)
	text = append(append(text, " change="...), o.Change...)
	text = append(append(text, " host="...), Escape(host)...)
	if o.Reason != "" {
		text = strconv.AppendQuoteToASCII(append(text, " reason="...), o.Reason)
	}
	return append(text, '\n')
}

// AppendBootLog appends one line for each outcome to logs/container-boot.log, in one
// write. Host is the name of this host: several containers may write to one log. It renames a file of 262144 bytes or more to container-boot.log.1 first, and
// makes the directory and the file where they are missing. It writes to a regular file
// only: anything else of that name is an error, and stays. A file that can't be renamed
// is appended to, and is an error too.
func (v *Volume) AppendBootLog(at time.Time, host string, outcomes []Outcome) error {
	const usual = 150 // bytes in a line
	text := make([]byte, 0, usual*len(outcomes))
	for _, o := range outcomes {
		text = o.appendLine(text, at, host)
	}
	return v.AsUser(func() error {
		logs, err := makeLogDir(v.top)
		if err != nil {
			return fmt.Errorf("opening %q: %w", logsDir, err)
		}
		defer logs.close()
		if err := appendRotating(logs, text); err != nil {
			return fmt.Errorf("writing %q: %w", logs.join(bootLog), err)
		}
		return nil
	})
}

// makeLogDir opens logs/, which it makes where it is missing.
func makeLogDir(top dir) (dir, error) {
	logs, err := openDir(top, logsDir, unix.O_PATH)
	if !errors.Is(err, fs.ErrNotExist) {
		return logs, err
	}
	if err := unix.Mkdirat(top.fd, logsDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return noDir(), err
	}
	return openDir(top, logsDir, unix.O_PATH)
}

// errRenamed says that another pass has renamed the log meanwhile.
var errRenamed = errors.New("another pass renames it")

// appendRotating appends to the log, and tries again where another pass renames it.
func appendRotating(logs dir, text []byte) error {
	err := errRenamed
	for range 8 {
		if err = appendOnce(logs, text); !errors.Is(err, errRenamed) {
			break
		}
	}
	return err
}

// appendOnce renames a log that is full, unless another pass holds its lock to do so:
// two renames would lose the older lines.
func appendOnce(logs dir, text []byte) error {
	fd, size, err := openLog(logs)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if size < rotateSize || errors.Is(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return writeWhole(fd, text)
	}
	if !isAt(logs, bootLog, fd) {
		return errRenamed
	}
	err = unix.Renameat(logs.fd, bootLog, logs.fd, bootLog+".1")
	if errors.Is(err, fs.ErrNotExist) {
		return errRenamed
	}
	if err != nil {
		return errors.Join(writeWhole(fd, text), fmt.Errorf("renaming it to %q: %w", bootLog+".1", err))
	}
	fresh, _, err := openLog(logs)
	if err != nil {
		return err
	}
	defer unix.Close(fresh)
	return writeWhole(fresh, text)
}

// openLog opens the log, which it makes where it is missing, and returns its size.
func openLog(logs dir) (fd int, size int64, err error) {
	fd, err = fdio.Create(logs.fd, bootLog, unix.O_WRONLY|unix.O_APPEND, 0o644)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EISDIR) {
		err = notRegular
	}
	if err != nil {
		return -1, 0, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = notRegular
	}
	if err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, st.Size, nil
}

// isAt reports whether the open file has that name.
func isAt(d dir, name string, fd int) bool {
	opened, err := FileIDAt(fd, "")
	named, nerr := FileIDAt(d.fd, name)
	return err == nil && nerr == nil && opened == named
}

// writeWhole appends text in one write. It takes back a write that the file system cut
// short, so that the next line does not join a half one, unless another container has
// written behind it.
func writeWhole(fd int, text []byte) error {
	n, err := unix.Write(fd, text)
	if err == nil && n < len(text) {
		err = errors.Join(unix.ENOSPC, takeBack(fd, n))
	}
	return err
}

// takeBack removes the last n bytes of a file, which were just written to fd. It removes
// nothing when more was written behind them.
func takeBack(fd, n int) error {
	end, err := unix.Seek(fd, 0, io.SeekCurrent)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Size != end {
		return err
	}
	return unix.Ftruncate(fd, end-int64(n))
}
