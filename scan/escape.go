package scan

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Printable escapes unprintable characters as strconv.Quote does. It adds no quotes and
// does not escape quotes.
func Printable(s string) string {
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
