package scan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
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

// Outcome is what became of one profile in a pass.
type Outcome struct {
	Profile   string
	Intent    Intent
	Action    string // started, registered, skipped or failed
	PriorExit string
	// Reason goes into the boot log when it is not empty.
	Reason string
}

// appendLine adds the outcome to text as the boot log shows it (docs/design.md, "Stale files and the boot log").
func (o Outcome) appendLine(text []byte, at time.Time) []byte {
	text = at.AppendFormat(text, "2006-01-02T15:04:05-0700")
	text = append(append(text, " profile="...), Escape(o.Profile)...)
	text = append(append(text, " prior_state="...), o.Intent.String()...)
	text = append(append(text, " action="...), o.Action...)
	text = append(append(text, " prior_exit="...), o.PriorExit...)
	if o.Reason != "" {
		text = strconv.AppendQuoteToASCII(append(text, " reason="...), o.Reason)
	}
	return append(text, '\n')
}

// Owner is the user and group that what slotgen makes on the volume belongs to.
type Owner struct{ UID, GID int }

// KeepOwner leaves what is made with the identity that made it, for a slotgen
// without root privileges.
func KeepOwner() Owner { return Owner{UID: -1, GID: -1} }

// AppendBootLog appends one line for each outcome to logs/container-boot.log,
// in one write, after moving a file of 262144 bytes or more aside to
// container-boot.log.1. The directory and the file are made when missing and
// then belong to owner. It goes on only with a regular file that has one link,
// and returns an error otherwise: nothing was written then. A file that can't be
// moved aside is appended to, and is an error too, as is a leftover of a killed pass
// that can't be removed.
func (v *Volume) AppendBootLog(owner Owner, at time.Time, outcomes []Outcome) error {
	const usual = 110 // bytes in a line
	text := make([]byte, 0, usual*len(outcomes))
	for _, o := range outcomes {
		text = o.appendLine(text, at)
	}
	logs, err := v.logDir(owner)
	left := clearShut(v.top, logsDir)
	if err != nil {
		return errors.Join(fmt.Errorf("opening %q: %w", logsDir, err), left)
	}
	defer logs.close()
	if err := appendRotating(logs, owner, text); err != nil {
		return errors.Join(fmt.Errorf("writing %q: %w", logs.join(bootLog), err), left)
	}
	return left
}

// logDir opens logs/, which it makes where it is missing.
func (v *Volume) logDir(owner Owner) (logs dir, err error) {
	err = tryAgain(func() error {
		logs, err = v.openDir(v.top, logsDir, unix.O_PATH)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = makeDir(v.top, logsDir, owner)
		if errors.Is(err, errTempTaken) {
			_ = clearShut(v.top, logsDir) // of a pass that was killed
		}
		if err == nil || errors.Is(err, fs.ErrExist) {
			logs, err = v.openDir(v.top, logsDir, unix.O_PATH)
		}
		return err
	}, fs.ErrNotExist, errTempTaken)
	return logs, err
}

// tryAgain calls f, and again while it returns one of the errors that another pass or
// the volume's owner can bring about, but not for ever.
func tryAgain(f func() error, passing ...error) error {
	err := f()
	for range 8 {
		if !slices.ContainsFunc(passing, func(p error) bool { return errors.Is(err, p) }) {
			break
		}
		err = f()
	}
	return err
}

// appendRotating tries again when the file comes or goes under its hands.
func appendRotating(logs dir, owner Owner, text []byte) error {
	// What a killed pass left may be a second link of the log.
	left := removeStanding(logs, tempName(bootLog))
	if errors.Is(left, unix.EISDIR) && unix.Unlinkat(logs.fd, tempName(bootLog), unix.AT_REMOVEDIR) == nil {
		left = nil
	}
	rotateAt := int64(rotateSize)
	if left != nil {
		rotateAt = math.MaxInt64 // there would be no new log behind the moved one
	}
	err := tryAgain(func() error { return appendOnce(logs, owner, text, rotateAt) }, fs.ErrExist, fs.ErrNotExist, errTempTaken)
	if left != nil {
		left = fmt.Errorf("removing %q: %w", tempName(bootLog), left)
	}
	return errors.Join(err, left)
}

func appendOnce(logs dir, owner Owner, text []byte, rotateAt int64) error {
	fd, err := fdio.Open(logs.fd, bootLog, unix.O_WRONLY|unix.O_APPEND)
	if errors.Is(err, fs.ErrNotExist) {
		return makeFile(logs, bootLog, owner, text)
	}
	if err != nil {
		return ownFileError(err)
	}
	defer unix.Close(fd)
	size, err := ownFileSize(fd)
	if err != nil {
		return err
	}
	// Who has the lock moves the log; the others' lines still go into it. Held for ever,
	// by the volume's owner, it keeps the owner's log from being parted.
	if size < rotateAt || errors.Is(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) {
		return writeWhole(fd, text)
	}
	if err := mustStandAt(logs, bootLog, fd); err != nil {
		return err // it has been moved
	}
	err = unix.Renameat(logs.fd, bootLog, logs.fd, bootLog+".1")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err // it has just gone
	case err != nil:
		return errors.Join(writeWhole(fd, text), fmt.Errorf("moving it to %q: %w", bootLog+".1", err))
	}
	return makeFile(logs, bootLog, owner, text)
}

// writeWhole appends text in one write. A write that the file system cut short
// is taken back, so that the next line does not join a half one: not where another
// container's lines have come behind it.
func writeWhole(fd int, text []byte) error {
	n, err := unix.Write(fd, text)
	if err == nil && n < len(text) {
		err = errors.Join(unix.ENOSPC, takeBack(fd, n))
	}
	return err
}

// takeBack removes the last n bytes of a file, those that were just written to fd, and
// nothing where there is more behind them.
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
