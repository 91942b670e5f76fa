// Package hint adds to an error what to do about it, and finds the word that was
// probably meant by a mistyped one.
package hint

import (
	"errors"
	"fmt"
)

// hinted is an error with a hint.
type hinted struct {
	error
	hint string
}

// Add returns an error that wraps err and carries a hint: what to do about it.
func Add(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// Of returns the first hint that an error carries, or "".
func Of(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	return ""
}

func (h hinted) Unwrap() error { return h.error }
