package cli

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"slotgen/internal/reconcile"
	"slotgen/scan"
)

// A state on the volume may hold escape sequences for the terminal that shows it.
func TestDocumentHoldsNothingThatATerminalObeys(t *testing.T) {
	state := "a\x1b[31m\x7f\u009b31m\u202e\U000e0001 ä€😀"
	entry := scan.Entry{Profile: scan.Profile{Name: "x"}, Intent: scan.Intent{State: state, Known: true}}
	var out bytes.Buffer
	report := reconcile.Report{Outcomes: []reconcile.Outcome{{Entry: &entry, Action: reconcile.Started}}}
	if err := writeDocument(&out, "/run/service", report); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Errorf("%U is as it is", r)
		}
	}
	var doc document
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if got := *doc.Profiles[0].PriorState; got != state {
		t.Errorf("it says %q, want %q", got, state)
	}
}
