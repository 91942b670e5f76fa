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

func TestNestingIsTakenAsDeepAsPackageJSONTakesIt(t *testing.T) {
	t.Parallel()
	for lists, want := range map[int]bool{9999: true, 10000: false} {
		deep := []byte(`{"phase":"exited","a":` + strings.Repeat("[", lists) + strings.Repeat("]", lists) + "}")
		in := jsonText{data: deep}
		if got := in.document(); got != want || got != json.Valid(deep) {
			t.Errorf("%d lists: taken %v, want %v", lists, got, want)
		}
	}
}

// Whatever is in a file, it takes no more than to go through it: a map of its members
// takes twenty times as long, and a volume may hold a thousand of them.
func TestNoStateFileThatCanBeReadTakesAMapOfItsMembers(t *testing.T) {
	for _, odd := range []string{"", `"x":NaN,`, `"x":-Infinity,`, `"\u0061":1,`, `"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + ","} {
		data := []byte("{" + odd + strings.Repeat(`"0":1,`, 10000) + `"phase":"exited"}`)
		allocations := testing.AllocsPerRun(1, func() {
			if got := parsePriorExit(data); got != "clean" {
				t.Errorf("%.20q: prior exit %q", odd, got)
			}
		})
		if allocations > 5000 {
			t.Errorf("%.20q: %.0f allocations", odd, allocations)
		}
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
