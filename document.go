package main

import (
	"encoding/json"
	"io"

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
		PriorExit: o.priorExit(), Action: o.action, Change: string(o.change), Live: o.live, Effect: string(o.effect),
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
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
