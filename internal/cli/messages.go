package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"slotgen/internal/hint"
)

// messages writes for the operator. Whatever a message quotes, it stays one
// line of printable text.
type messages struct {
	w *asyncWriter
	// seen keeps a pass from repeating what the pass before it said.
	seen dedupe
	// profile is the profile that the messages are about, or empty.
	profile string
}

// about returns m for messages about a profile.
func (m messages) about(profile string) messages {
	m.profile = profile
	return m
}

func (m messages) line(format string, args ...any) {
	fmt.Fprintln(m.w, "slotgen: "+printable(fmt.Sprintf(format, args...)))
}

func (m messages) warn(format string, args ...any) { m.note("warning: "+format, args...) }

func (m messages) warnAll(texts []string) {
	for _, text := range texts {
		m.warn("%s", text)
	}
}

// warnOf is a warning of an error, with its hint where it has one.
func (m messages) warnOf(err error, text string) {
	m.withHint("warning: "+text, err)
}

// note is a line about something that lasts.
func (m messages) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); m.isNew(text) {
		m.line("%s", text)
	}
}

func (m messages) isNew(text string) bool { return !m.seen.Seen(subject{m.profile, text}, text) }

// fail prints an error, and its hint where it has one.
func (m messages) fail(err error) {
	m.withHint("error: "+err.Error(), err)
}

// oneLine parts by semicolons what was joined of several errors.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

func (m messages) withHint(text string, err error) {
	text = oneLine(text)
	if m.isNew(text) {
		m.line("%s", text)
		m.hint(err)
	}
}

// hint prints the mend of an error that knows one, of this package's or of
// another's.
func (m messages) hint(err error) {
	if text := hint.Of(err); text != "" {
		m.line("hint: %s", text)
	}
}

func withHint(err error, format string, args ...any) error {
	return hint.Add(err, format, args...)
}

// unreadError ends a command with exit code 1: that not all of the volume could be read
// is no wrong usage.
type unreadError struct{ error }

func (e unreadError) Unwrap() error { return e.error }

// reportedError ends a command with exit code 1 after its outcome was printed.
type reportedError struct{}

func (reportedError) Error() string { return "not everything could be done" }

// printable escapes what is not printable, as strconv.Quote does, without
// adding quotes or touching those that are there.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			quoted := strconv.Quote(s[i : i+n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// output is stdout; it remembers the first failing write.
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
