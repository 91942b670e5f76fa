package scan

import (
	"errors"
	"fmt"
)

// Opaque is a text from a data file. The volume is not trusted, and templates become scripts that
// root runs. So a closure holds the text: no fmt verb, encoder or reflection reaches a byte of it.
// The zero Opaque holds no text.
type Opaque struct{ open func() DataText }

// DataText is a text from a data file.
type DataText struct {
	// Text is never empty, and not trusted.
	Text string
	// Key is the expression of a template for the text: ".Data.name", ".Data.list[0]".
	Key string
	// Place is the file in the profile, the line and the column.
	Place string
}

// NewOpaque hides a text.
func NewOpaque(t DataText) Opaque { return Opaque{func() DataText { return t }} }

// Reveal returns the text in o. Only package render calls it, to quote the text.
func Reveal(o Opaque) DataText { return o.open() }

// Format writes a word in place of the text.
func (o Opaque) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, "(data)") }

// MarshalText returns an error.
func (o Opaque) MarshalText() ([]byte, error) { return nil, errors.New("text of a data file") }
