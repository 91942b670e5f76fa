package scan

import (
	"strconv"
	"strings"
)

// NoState is how stdout and the boot log show that no state is recorded.
const NoState = "None"

// Escape returns value for a log line: unchanged when it matches [A-Za-z0-9._-]+, else quoted
// as strconv.QuoteToASCII does. The result never holds white space outside of quotes, a
// control character or a second line.
func Escape(value string) string {
	if !isPlain(value) {
		return strconv.QuoteToASCII(value)
	}
	return value
}

func isPlain(value string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return value != "" && strings.Trim(value, plain) == ""
}
