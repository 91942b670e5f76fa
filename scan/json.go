package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// parseMembers parses a JSON object, and returns its members of these names. Names match exactly,
// and the last of equal names counts, as in Python.
func parseMembers(data []byte, names ...string) (map[string]json.RawMessage, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(data) {
		if bytes.Contains(data, []byte("NaN")) || bytes.Contains(data, []byte("Infinity")) {
			data = nonNumbersToNull(data)
		}
		var whole json.RawMessage
		if err := json.Unmarshal(data, &whole); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
	}
	if data = bytes.TrimSpace(data); data[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	return findMembers(data, names), nil
}

// findMembers looks for members of a valid JSON object. To decode the others takes ten times as long.
func findMembers(data []byte, names []string) map[string]json.RawMessage {
	found := map[string]json.RawMessage{}
	depth, name, begin := 0, "", 0
	for i := 0; i < len(data); i++ {
		end := false
		switch data[i] {
		case '"':
			first := i
			i = stringEnd(data, i)
			if depth == 1 && begin == 0 {
				name = memberName(data[first:i+1], names)
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			end = depth == 0
		case ',':
			end = depth == 1
		case ':':
			if depth == 1 {
				begin = i + 1
			}
		}
		if end {
			if name != "" {
				found[name] = bytes.TrimSpace(data[begin:i])
			}
			name, begin = "", 0
		}
	}
	return found
}

// stringEnd returns the index of the quote that ends the string at an index.
func stringEnd(data []byte, at int) int {
	for at++; data[at] != '"'; at++ {
		if data[at] == '\\' {
			at++
		}
	}
	return at
}

// memberName returns the one of the names that a quoted JSON string spells, or "".
func memberName(quoted []byte, names []string) string {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		name, _ := parseString(quoted)
		text = []byte(name)
	}
	for _, name := range names {
		if string(text) == name {
			return name
		}
	}
	return ""
}

// nonNumbersToNull replaces the bare words NaN, Infinity and -Infinity with null. Python's
// json module writes them, though JSON does not have them. Strings stay as they are.
func nonNumbersToNull(data []byte) []byte {
	out := make([]byte, 0, len(data))
	quoted, escaped := false, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == 'N' || c == 'I' || c == '-'):
			if n := nonNumberLen(data[i:]); n > 0 {
				out = append(out, "null"...)
				i += n - 1
				continue
			}
		}
		out = append(out, data[i])
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

// parseString returns the text of a JSON string, and whether raw is one.
func parseString(raw json.RawMessage) (string, bool) {
	var text string
	return text, json.Unmarshal(raw, &text) == nil
}
