// Package message is what slotgen tells an operator, as values: whoever finds something
// out makes a message, and the command line prints it.
package message

import (
	"fmt"
	"strings"

	"slotgen/internal/hint"
)

// Level says how much a message matters.
type Level int

// The levels of messages.
const (
	Info Level = iota
	Warning
	Error
)

// Message is one thing that an operator has to know.
type Message struct {
	Level Level
	// Text says what happened, without the program's name and the level. Its lines are
	// joined by semicolons when it is printed.
	Text string
	// Hint says what to do about it, or is empty.
	Hint string
	// Profile names the profile that the message is about, or is empty.
	Profile string
	// Event is true for what happened once. Anything else lasts, and every pass tells it
	// again.
	Event bool
}

// Event returns a message about an event.
func Event(format string, args ...any) Message {
	return Message{Text: fmt.Sprintf(format, args...), Event: true}
}

// Warn returns a warning.
func Warn(format string, args ...any) Message {
	return Message{Level: Warning, Text: fmt.Sprintf(format, args...)}
}

// Of returns a message that tells an error and its hint.
func Of(level Level, err error) Message {
	return Message{Level: level, Text: OneLine(err.Error()), Hint: hint.Of(err)}
}

// About returns the message as one about a profile.
func (m Message) About(profile string) Message {
	m.Profile = profile
	return m
}

// OneLine separates by semicolons what errors.Join separates by newlines.
func OneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
