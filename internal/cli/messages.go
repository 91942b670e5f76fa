package cli

import (
	"fmt"
	"io"
	"os"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/scan"
)

// verbosityVar is the variable of s6-overlay that says how much a boot prints.
const verbosityVar = "S6_VERBOSITY"

// messages prints messages to the operator. Each message is one line of printable text,
// whatever it quotes.
type messages struct {
	w *asyncWriter
	// quiet leaves out all messages but warnings, errors and hints.
	quiet bool
}

func newMessages(w io.Writer) messages {
	return messages{w: &asyncWriter{w: w}, quiet: os.Getenv(verbosityVar) == "0"}
}

// info prints a message that asks nothing of the operator.
func (m messages) info(format string, args ...any) {
	m.print(message.Message{Text: fmt.Sprintf(format, args...)})
}

func (m messages) line(format string, args ...any) {
	fmt.Fprintln(m.w, "slotgen: "+scan.Printable(fmt.Sprintf(format, args...)))
}

// print prints a message and its hint, if it has one.
func (m messages) print(msg message.Message) {
	if m.quiet && msg.Level == message.Info {
		return
	}
	level := map[message.Level]string{message.Warning: "warning: ", message.Error: "error: "}[msg.Level]
	m.line("%s%s", level, msg.Text)
	if msg.Hint != "" {
		m.line("hint: %s", msg.Hint)
	}
}

func (m messages) printAll(all []message.Message) {
	for _, one := range all {
		m.print(one)
	}
}

func (m messages) warn(format string, args ...any) { m.print(message.Warn(format, args...)) }

// fail prints an error and its hint, if it has one.
func (m messages) fail(err error) { m.print(message.Of(message.Error, err)) }

func withHint(err error, format string, args ...any) error { return hint.Add(err, format, args...) }

// failed prints an error, and returns the error with which the command ends.
func (m messages) failed(err error) error {
	m.fail(err)
	return reportedError{}
}

// reportedError ends a command with exit code 1. The command has printed the reason already.
type reportedError struct{}

func (reportedError) Error() string { return "not everything could be done" }

// output writes to stdout and remembers the first error. Run prints that error, so a command
// need not look at the errors of its writes.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("writing the output: %w", err)
	}
	return n, err
}
