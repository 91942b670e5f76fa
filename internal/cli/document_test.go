package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
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
	writeDocument(&output{w: &out}, "/run/service", report)
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

// membersOf returns the JSON names of a document's members. Behind a list come the members of
// its elements.
func membersOf(document reflect.Type) []string {
	var names []string
	for field := range document.Fields() {
		if !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			names = append(names, membersOf(field.Type.Elem())...)
		}
	}
	return names
}

// docs/json.md has a table for each document, with exactly its members in their order.
func TestEveryMemberOfADocumentIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, document := range map[string]reflect.Type{
		"reconcile and scan": reflect.TypeFor[document](), "status": reflect.TypeFor[statusDocument](),
		"diff": reflect.TypeFor[diffDocument](), "templates list": reflect.TypeFor[templatesDocument](),
		"templates check": reflect.TypeFor[findings](),
	} {
		_, section, _ := strings.Cut(string(text), "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var got []string
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
			got = append(got, row[1])
		}
		if want := membersOf(document); !slices.Equal(got, want) {
			t.Errorf("the table of %q has the members %q, want %q", heading, got, want)
		}
	}
}
