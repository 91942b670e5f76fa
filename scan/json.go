package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// members holds the raw values of those members of a JSON object that anything
// here asks for, nil where there is none.
type members struct{ desiredState, gatewayState, phase json.RawMessage }

// set keeps the value of a member by its exact name; the last of equal names counts.
func (m *members) set(name string, value []byte) {
	switch name {
	case "desired_state":
		m.desiredState = value
	case "gateway_state":
		m.gatewayState = value
	case "phase":
		m.phase = value
	}
}

// parseMembers reads a JSON object. The file is gone through once, or twice for words
// that Python alone writes: package json would keep every member of it. What can't be
// read is left to package json, and so is what to say of it.
func parseMembers(data []byte) (members, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return members{}, errors.New("not UTF-8")
	}
	t := jsonText{data: data}
	if t.document() {
		return t.found, nil
	}
	t = jsonText{data: nonNumbersToNull(data)}
	if t.document() {
		return t.found, nil
	}
	return unmarshalMembers(data)
}

func unmarshalMembers(data []byte) (members, error) {
	var object map[string]json.RawMessage
	err := json.Unmarshal(data, &object)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		err = json.Unmarshal(nonNumbersToNull(data), &object)
	}
	switch {
	case errors.As(err, &syntax):
		return members{}, fmt.Errorf("not JSON: %w", err)
	case err != nil, object == nil:
		return members{}, errors.New("not a JSON object")
	}
	return members{object["desired_state"], object["gateway_state"], object["phase"]}, nil
}

// parseString returns the text of a JSON string, which raw is if anything.
func parseString(raw json.RawMessage) (string, bool) {
	n := len(raw)
	if n >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : n-1]), true
	}
	var text string
	return text, json.Unmarshal(raw, &text) == nil
}
