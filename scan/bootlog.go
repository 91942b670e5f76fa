package scan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	text = fmt.Appendf(text, "%s profile=%s prior_state=%s action=%s prior_exit=%s change=%s host=%s",
		at.Format("2006-01-02T15:04:05-0700"), Escape(o.Profile), o.Intent, o.Action, o.PriorExit, o.Change, Escape(host))
	if o.Reason != "" {
		text = fmt.Appendf(text, " reason=%+q", o.Reason)
	}
	return append(text, '\n')
}

// AppendBootLog appends one line for each outcome to logs/container-boot.log, in one
// write. Host is the name of this host: several containers may write to one log. It renames a
// file of 262144 bytes or more to container-boot.log.1 first, and makes the directory and the
// file where they are missing. It writes to a regular file
// only: anything else of that name is an error, and stays. A file that can't be renamed
// is appended to, and is an error too.
func (v *Volume) AppendBootLog(at time.Time, host string, outcomes []Outcome) error {
	var text []byte
	for _, o := range outcomes {
		text = o.appendLine(text, at, host)
	}
	return v.AsUser(func() error {
		logs, err := makeLogDir(v.top)
		if err != nil {
			return fmt.Errorf("opening %q: %w", logsDir, err)
		}
		defer logs.close()
		if err := rotateAndAppend(logs, text); err != nil {
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
	err = top.patience.try(logsDir, func() error { return fdio.Mkdir(top.fd, logsDir, 0o755) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return noDir(), err
	}
	return openDir(top, logsDir, unix.O_PATH)
}

func rotateAndAppend(logs dir, text []byte) error {
	rotateErr := logs.patience.try(logs.join(bootLog), func() error { return rotate(logs) })
	var fd int
	err := logs.patience.try(logs.join(bootLog), func() (err error) { fd, _, err = openLog(logs); return err })
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = logs.patience.try(logs.join(bootLog), func() error { return writeWhole(fd, text) })
	return errors.Join(err, rotateErr)
}

// rotate renames a log that is full, unless another pass does: it holds the lock of the log,
// or has renamed it. Two renames would lose the older lines.
func rotate(logs dir) error {
	fd, size, err := openLog(logs)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if size < rotateSize || errors.Is(fdio.Lock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return nil
	}
	if is, err := isAt(logs, bootLog, fd); !is || err != nil {
		return err
	}
	err = fdio.Rename(logs.fd, bootLog, logs.fd, bootLog+".1")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("renaming it to %q: %w", bootLog+".1", err)
	}
	return nil
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
	st, err := fdio.StatOpen(fd)
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
func isAt(d dir, name string, fd int) (bool, error) {
	opened, err := FileIDAt(fd, "")
	if err != nil {
		return false, err
	}
	named, err := FileIDAt(d.fd, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return opened == named && err == nil, err
}

// writeWhole appends text in one write. It takes back a write that the file system cut
// short, so that the next line does not join a half one, unless another container has
// written behind it.
func writeWhole(fd int, text []byte) error {
	n, err := fdio.Write(fd, text)
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
	st, err := fdio.StatOpen(fd)
	if err != nil || st.Size != end {
		return err
	}
	return fdio.Truncate(fd, end-int64(n))
}
