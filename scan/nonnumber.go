package scan

import "bytes"

// nonNumbersToNull replaces the bare words NaN, Infinity and -Infinity, which
// Python's json module writes and JSON does not have, by null. Strings are left
// alone.
func nonNumbersToNull(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		n := 1
		if data[i] == '"' {
			n = stringLen(data[i:])
		} else if word := nonNumberLen(data[i:]); word > 0 {
			out = append(out, "null"...)
			i += word
			continue
		}
		out = append(out, data[i:i+n]...)
		i += n
	}
	return out
}

func nonNumberLen(data []byte) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(data, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

// stringLen is the length of the JSON string that data begins with, or all of
// data when it does not end.
func stringLen(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
