package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// parseMembers parses a JSON object, and returns its members of these names, in their order. A
// missing one is like null. Names match exactly, and the last of equal names counts, as in Python.
func parseMembers(data []byte, names ...string) ([]gjson.Result, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(data) {
		data = nonNumbersToNull(data)
		if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
	}
	object := gjson.ParseBytes(data)
	if !object.IsObject() {
		return nil, errors.New("not a JSON object")
	}
	members := make([]gjson.Result, len(names))
	object.ForEach(func(name, value gjson.Result) bool {
		if i := slices.Index(names, name.Str); i >= 0 {
			members[i] = value
		}
		return true
	})
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
