// Package cli implements the command line: flags, messages, output and exit codes.
//
// A command prints only data to stdout. It prints messages to stderr as "slotgen: warning: ",
// "slotgen: error: " or "slotgen: hint: " and a text. The text is in lower case without a
// full stop, with paths and names quoted.
package cli

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"slotgen/internal/reconcile"
	"slotgen/render/scandir"
)

// The exit codes (docs/design.md, "Exit codes").
const (
	exitOK         = 0
	exitIncomplete = 1
	exitUsage      = 2
)

// ownerBits are the permissions of a file's owner.
const ownerBits = 0o700

// Run executes one command line and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	unix.Umask(unix.Umask(0) &^ ownerBits) // else slotgen could not open the files that it makes
	msg := newMessages(stderr)
	out := &output{w: stdout}
	app := newApp(out, msg)
	err := app.Run(flagsFirst(app.Commands, args))
	if out.err != nil {
		msg.fail(out.err)
		return exitIncomplete
	}
	if err == nil {
		return exitOK
	}
	if _, reported := errors.AsType[reportedError](err); reported {
		return exitIncomplete
	}
	msg.fail(err)
	_, unread := errors.AsType[reconcile.UnreadError](err)
	if unread || errors.Is(err, scandir.ErrStopped) { // not wrong usage
		return exitIncomplete
	}
	return exitUsage
}
