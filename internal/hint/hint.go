// Package hint adds hints to errors: how to fix them. It also finds the known word that is
// most similar to a mistyped one.
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

// Add returns an error that wraps err and carries a hint.
func Add(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// Of returns the first hint that err carries, or "".
func Of(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	return ""
}

func (h hinted) Unwrap() error { return h.error }
