package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"slotgen/scan"
)

// document is the JSON form of a pass, for --output json.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	Home          string            `json:"home"`
	Scandir       string            `json:"scandir"`
	Autostart     scan.Policy       `json:"autostart"`
	Profiles      []profileDocument `json:"profiles"`
}

type profileDocument struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	Dir     string `json:"dir"`
	// PriorState is null where no intent is recorded.
	PriorState *string `json:"priorState"`
	PriorExit  string  `json:"priorExit"`
	Action     string  `json:"action"`
	Change     string  `json:"change"`
	Live       bool    `json:"live"`
	// Effect says when the change of a live slot is in force.
	Effect string `json:"effect"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

func newProfileDocument(o outcome) profileDocument {
	d := profileDocument{
		Name: o.entry.Profile.Name, Service: o.entry.Profile.Service, Dir: o.entry.Profile.Dir,
		PriorExit: o.entry.Profile.PriorExit, Action: o.action, Change: string(o.change), Live: o.live, Effect: string(o.effect),
		Reason: o.reason, Why: o.why,
	}
	if o.entry.Intent.Known {
		d.PriorState = &o.entry.Intent.State
	}
	return d
}

// writeDocument prints one JSON document.
func writeDocument(w io.Writer, home, scandir string, autostart scan.Policy, outcomes []outcome) error {
	doc := document{
		SchemaVersion: 1, Home: home, Scandir: scandir, Autostart: autostart,
		Profiles: make([]profileDocument, 0, len(outcomes)),
	}
	for _, o := range outcomes {
		doc.Profiles = append(doc.Profiles, newProfileDocument(o))
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := w.Write(escapeUnprintable(text.String()))
	return err
}

// escapeUnprintable escapes in JSON what is not printable beyond ASCII, DEL among it: a
// terminal may obey it. It stands in strings only.
func escapeUnprintable(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		switch {
		case r < unicode.MaxASCII || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
