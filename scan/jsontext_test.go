package scan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStateFilesAreReadInOneGo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		sampleState, sampleLifecycle, "{}", " {\n\t\"a\" : [ ] , \"b\" : { } }\r\n",
		`{"a": [1, -0, 0.5, 1e9, -1.5E-7], "b": {"c": [true, false, null]}, "d": "\"\\\/\b\f\n\r\t\u00Ff"}`,
	} {
		if in := (jsonText{data: []byte(text)}); !in.document() {
			t.Errorf("%q is left to package json", text)
		}
	}
}

func TestWhatIsNoJSONIsNeverTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", "}", `{"a}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":1]`,
		`{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":nul}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\`,
		"{\"a\":\"\n\"}", `{"a":1} {}`, `{"a":1}x`, `{a:1}`, `[]`, `"a"`, "{\"a\":\x00}", "{\"a\":1\x00}",
	} {
		if in := (jsonText{data: []byte(text)}); in.document() {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestDeepNestingIsLeftToPackageJSON(t *testing.T) {
	t.Parallel()
	deep := `{"phase":"exited","a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "}"
	if in := (jsonText{data: []byte(deep)}); in.document() {
		t.Error("it is taken")
	}
	if got := parsePriorExit([]byte(deep)); got != "clean" {
		t.Errorf("prior exit %q", got)
	}
}

func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		sampleState, `{"phase":"a","phase":NaN}`, `{"desired_state":null,"a":{"phase":1}}`, `{"pha\u0073e":"x"}`, `{"a":[{"b":"}"}]}`, `{"a`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := jsonText{data: data}
		if !in.document() {
			return
		}
		want, err := unmarshalMembers(data)
		if err != nil || !json.Valid(data) {
			t.Fatalf("%q is taken: %v", data, err)
		}
		if diff := cmp.Diff(want, in.found, cmp.AllowUnexported(members{})); diff != "" {
			t.Errorf("%q (-package json +ours):\n%s", data, diff)
		}
	})
}
