package render

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"slotgen/scan"
)

// opaque is a text from a data file as templates see it. A closure holds the text, so that no
// reflection reaches it. Only the functions of a box open it, and only the box's sink prints it.
type opaque struct{ open func() *datum }

// datum is the content of an opaque.
type datum struct {
	scan.DataText
	quote quoting
	box   *box
}

// quoting tells how the text of a datum is quoted.
type quoting int

const (
	unquoted quoting = iota
	shellQuoted
	execlineQuoted
	plainWord
)

func (q quoting) String() string { return [...]string{"", "shquote", "execquote", "plain"}[q] }

// mark is what a formatted opaque looks like. No file with a NUL byte is published.
const mark = "\x00data\x00"

func (o opaque) misuse() {
	if o.open == nil { // a function has copied the struct without the closure
		return
	}
	if d := o.open(); d.box.misused == nil {
		d.box.misused = d
	}
}

// Format writes the mark, and makes the rendering fail.
func (o opaque) Format(s fmt.State, _ rune) {
	o.misuse()
	_, _ = s.Write([]byte(mark))
}

// MarshalText returns an error, and makes the rendering fail.
func (o opaque) MarshalText() ([]byte, error) {
	o.misuse()
	return nil, errors.New("text of a data file")
}

// advice says what to write instead of the expression that misuses d.
func (d *datum) advice() string {
	switch {
	case d.quote != unquoted:
		return fmt.Sprintf("the result of %s for %s is to be printed as it is: no function takes it", d.quote, d.Key)
	case strings.Contains(d.Key, "["):
		return fmt.Sprintf("the text of %s is not trusted: quote it with shquote, as in {{ range LIST }} {{ shquote . }}{{ end }}", d.Key)
	}
	return fmt.Sprintf("the text of %s is not trusted: quote it, as in {{ shquote %s }}", d.Key, d.Key)
}

// refusal returns an error about the text itself. It holds no byte of it.
func (d *datum) refusal(problem string) error {
	return fmt.Errorf("%s (%s) %s", d.Key, d.Place, problem)
}

// quoted returns the opaque with quoted text.
func (d *datum) quoted(q quoting, text string) opaque {
	copied := *d
	copied.Text, copied.quote = text, q
	return opaque{func() *datum { return &copied }}
}

// bind returns a copy of the data for one rendering in b.
func (b *box) bind(value any) any {
	switch v := value.(type) {
	case scan.Opaque:
		d := &datum{DataText: scan.Reveal(v), box: b}
		return opaque{func() *datum { return d }}
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, item := range v {
			m[key] = b.bind(item)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = b.bind(item)
		}
		return list
	}
	return value
}

// holdsOpaque reports whether an opaque is in value, as deep as fmt prints it. It makes the rendering
// fail in this case.
func (b *box) holdsOpaque(value any) bool {
	_, _ = fmt.Fprint(io.Discard, value)
	return b.misused != nil
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }
