// Package message holds the messages to the operator as values. Other packages make the
// messages, and package cli prints them.
package message

import (
	"fmt"
	"strings"
	"time"

	"slotgen/internal/hint"
)

// Level is the severity of a message.
type Level int

// The levels of messages.
const (
	Info Level = iota
	Warning
	Error
)

// Message is one message to the operator.
type Message struct {
	Level Level
	// Text is the message without the program's name and the level. Package cli joins its
	// lines with semicolons.
	Text string
	// Hint tells the operator what to do, or is empty.
	Hint string
	// Profile is the name of the profile that the message is about, or is empty.
	Profile string
	// Event reports whether the message is about an event. All other messages are about a
	// state, and every pass that finds the state repeats them.
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

// Of returns a message with the text of an error and its hint.
func Of(level Level, err error) Message {
	return Message{Level: level, Text: OneLine(err.Error()), Hint: hint.Of(err)}
}

// Waiting returns the warning about a call on the volume that has not returned.
func Waiting(path string, waited time.Duration) Message {
	return Warn("still waiting for %+q after %s: its file server does not answer", path, waited.Round(time.Second))
}

// About returns the message with its profile set.
func (m Message) About(profile string) Message {
	m.Profile = profile
	return m
}

// OneLine replaces the newlines of errors.Join with semicolons.
func OneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
