package render

import "fmt"

// hinted is an error whose mend is known.
type hinted struct {
	error
	hint string
}

// WithHint adds to an error what to do about it: the error that it returns wraps err
// and tells the mend by a method Hint() string.
func WithHint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

func (h hinted) Hint() string { return h.hint }

func (h hinted) Unwrap() error { return h.error }
