package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// parseMembers parses a JSON object. Its names match exactly, and the last of equal names
// counts, as in Python.
func parseMembers(data []byte) (map[string]json.RawMessage, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(data, &members)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		err = json.Unmarshal(nonNumbersToNull(data), &members)
	}
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("not JSON: %w", err)
	case err != nil, members == nil:
		return nil, errors.New("not a JSON object")
	}
	return members, nil
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
		case !quoted:
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
