package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"slotgen/internal/reconcile"
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
	// PriorState is null when no state is recorded.
	PriorState *string `json:"priorState"`
	PriorExit  string  `json:"priorExit"`
	Action     string  `json:"action"`
	Change     string  `json:"change"`
	Live       bool    `json:"live"`
	// Effect says when the change of a live slot takes effect.
	Effect string `json:"effect"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

func newProfileDocument(o reconcile.Outcome) profileDocument {
	d := profileDocument{
		Name: o.Entry.Profile.Name, Service: o.Entry.Profile.Service, Dir: o.Entry.Profile.Dir,
		PriorExit: o.Entry.Profile.PriorExit, Action: string(o.Action), Change: string(o.Change), Live: o.Live, Effect: string(o.Effect),
		Reason: o.Reason, Why: o.Why,
	}
	if o.Entry.Intent.Known {
		d.PriorState = &o.Entry.Intent.State
	}
	return d
}

// writeDocument prints a report as one JSON document.
func writeDocument(out *output, scandir string, report reconcile.Report) {
	doc := document{
		SchemaVersion: 1, Home: report.Home, Scandir: scandir, Autostart: report.Autostart,
		Profiles: make([]profileDocument, 0, len(report.Outcomes)),
	}
	for _, o := range report.Outcomes {
		doc.Profiles = append(doc.Profiles, newProfileDocument(o))
	}
	writeJSON(out, doc)
}

// writeJSON prints one JSON document that a terminal can show.
func writeJSON(out *output, doc any) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		out.err = err
		return
	}
	_, _ = out.Write(escapeUnprintable(text.String()))
}

// escapeUnprintable escapes DEL and the unprintable characters beyond ASCII, since a
// terminal may obey them. In JSON they occur in strings only; the encoder has escaped the
// other control characters.
func escapeUnprintable(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r < unicode.MaxASCII || unicode.IsPrint(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}
