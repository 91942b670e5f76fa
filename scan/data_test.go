package scan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/asuser"
)

// shown returns data with a text in place of each Opaque.
func shown(value any) any {
	switch v := value.(type) {
	case Opaque:
		t := Reveal(v)
		return t.Text + " " + t.Key + " " + t.Place
	case map[string]any:
		for key, item := range v {
			v[key] = shown(item)
		}
	case []any:
		for i, item := range v {
			v[i] = shown(item)
		}
	}
	return value
}

func TestDataFileBecomesValues(t *testing.T) {
	for text, want := range map[string]map[string]any{
		"":                              {},
		"# nothing\n":                   {},
		"null\n":                        {},
		"{}":                            {},
		"port: 8080\nname: it's\n":      {"port": 8080, "name": "it's .Data.name p/t.yaml:2:7"},
		"a: {b: [x, {c: y}]}":           {"a": map[string]any{"b": []any{"x .Data.a.b[0] p/t.yaml:1:9", map[string]any{"c": "y .Data.a.b[1].c p/t.yaml:1:16"}}}},
		"a: true\nb: ~\nc: ''\nd: -3\n": {"a": true, "b": nil, "c": "", "d": -3},
		"a: 1.5\nb: 2.0\nc: 1e3\n":      {"a": 1.5, "b": 2, "c": 1000},
		"d: 2024-01-01":                 {"d": "2024-01-01 .Data.d p/t.yaml:1:4"},
		"d: yes\ne: \"012\"":            {"d": "yes .Data.d p/t.yaml:1:4", "e": "012 .Data.e p/t.yaml:2:4"},
		"a: &x [1]\nb: *x":              {"a": []any{1}, "b": []any{1}},
		"{\n\t\"a\": \"\\u00e9\\/\",\n\t\"_b2\": [1, null]\n}": {"a": "é/ .Data.a p/t.yaml:2:7", "_b2": []any{1, nil}},
		"\ufeffa: 1": {"a": 1},
	} {
		got, err := parseData([]byte(text), "p/t.yaml")
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, shown(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestDataFileIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"[1]":                     "line 1, column 1: not a mapping of keys to values",
		"word":                    "line 1, column 1: not a mapping",
		"a: 1\n---\nb: 2":         "a second document",
		"a-b: 1":                  `line 1, column 1: key "a-b" does not match`,
		"1: 1":                    `key "1" does not match`,
		"a: {\"x\\e[0m\": 1}":     `line 1, column 5: key "x\x1b[0m" does not match`,
		"? [a]\n: 1":              "does not match",
		"a: 1\na: 2":              `line 2, column 1: key "a" is there twice`,
		"<<: {a: 1}":              `key "<<" does not match`,
		"a: 017":                  "line 1, column 4: a number that is not plainly decimal",
		"a: 0x1F":                 "not plainly decimal",
		"a: 1_000":                "not plainly decimal",
		"a: 99999999999999999999": "too large",
		"a: .inf":                 "not plainly decimal",
		"a: .NaN":                 "not plainly decimal",
		"a: !!binary aGk=":        `the tag "!!binary"`,
		"a: !own x":               `the tag "!own"`,
		"a: !own {x: 1}":          `the tag "!own"`,
		"a: !!int x":              "not plainly decimal",
		"a: *nope":                "line 1",
		"a: b: c":                 "line 1",
		"a: &a [*a]":              "nested more than 20 levels deep",
		"a: " + strings.Repeat("[", 50) + strings.Repeat("]", 50):                            "nested more than 20 levels deep",
		"a: [" + strings.Repeat("1,", 2000) + "]":                                            "more than 1000 values",
		"a: &a [" + strings.Repeat("1,", 100) + "]\nb: [" + strings.Repeat("*a,", 100) + "]": "more than 1000 values",
	} {
		got, err := parseData([]byte(text), "p/t.yaml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, %v; want the error %q", text, got, err, want)
		}
	}
}

// No fmt verb and no encoder gives a byte of a text away.
func TestOpaqueShowsNothing(t *testing.T) {
	o := NewOpaque(DataText{Text: "secret"})
	for verb := range strings.SplitSeq("v +v #v s q x X d c U T p t b o e", " ") {
		if got := fmt.Sprintf("%"+verb, []any{o, map[string]any{"k": o}, &o}); strings.Contains(got, "secret") || strings.Contains(got, "736563") {
			t.Errorf("%%%s: %q", verb, got)
		}
	}
}

// Where config.yaml is the data file too, it is read for two purposes.
func TestLinkedConfigMayBeTheDataFile(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/a/SOUL.md", "")
	put(t, home, "profiles/a/config.yaml", "gateway: {standalone: true}\n")
	link(t, home, "profiles/b", "a")
	layout := DefaultLayout()
	layout.Data = configFile
	v, err := Open(home, layout, asuser.User{}, neverSlow)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e := entryOf(t, v.Scan(Options{Autostart: Multiplex}), "b")
	if e.Profile.Data["gateway"] == nil || !strings.Contains(e.Why, "standalone") {
		t.Errorf("entry %+v", e)
	}
}
