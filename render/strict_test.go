package render

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"slotgen/scan"
)

// withData returns a profile whose data have these texts, beside numbers, lists and mappings.
func withData(texts map[string]string) scan.Profile {
	p := coder()
	hide := func(text, key string) scan.Opaque {
		return scan.NewOpaque(scan.DataText{Text: text, Key: key, Place: "profiles/coder/t.yaml:1:1"})
	}
	p.Data = map[string]any{
		"port": 8080, "huge": 1 << 40, "cpu": 1.5, "big": 1234567.5, "on": true, "none": nil, "empty": "",
		"modes": []any{hide("fast", ".Data.modes[0]"), hide("it's", ".Data.modes[1]")},
		"db":    map[string]any{"host": hide("db.example", ".Data.db.host"), "port": 5432},
	}
	for key, text := range texts {
		p.Data[key] = hide(text, ".Data."+key)
	}
	return p
}

// renderText renders a template as the file data/x, which no check reads as a script.
func renderData(t *testing.T, text string, p scan.Profile) (string, error) {
	t.Helper()
	slot, _, err := load(t, overrides(t, map[string]string{"data/x.tmpl": text})).Slot(p)
	if err != nil {
		return "", err
	}
	f, _ := slot.File("data/x")
	return string(f.Data), nil
}

func TestDataReachesTheOutputQuotedOrAsANumber(t *testing.T) {
	t.Parallel()
	p := withData(map[string]string{"name": "it's; id", "num": "42", "float": "-1.5e3", "mode": "fast", "path": "/srv/a-b_c@1:2"})
	for text, want := range map[string]string{
		`{{ shquote .Data.name }}`:                                                                                                `'it'\''s; id'`,
		`{{ .Data.name | shquote }}`:                                                                                              `'it'\''s; id'`,
		`{{ execquote .Data.name }}`:                                                                                              `"it's; id"`,
		`{{ plain .Data.path }}/x`:                                                                                                "/srv/a-b_c@1:2/x",
		`{{ $x := shquote .Data.name }}{{ with $x }}{{ . }}{{ end }}`:                                                             `'it'\''s; id'`,
		`{{ define "d" }}{{ . }}{{ end }}{{ template "d" shquote .Data.name }}`:                                                   `'it'\''s; id'`,
		`{{ range .Data.modes }}{{ shquote . }} {{ end }}`:                                                                        `'fast' 'it'\''s' `,
		`{{ index .Data.modes 0 | shquote }}{{ len .Data.modes }}`:                                                                "'fast'2",
		`{{ first .Data.modes | shquote }}{{ last .Data.modes | shquote }}`:                                                       `'fast''it'\''s'`,
		`{{ .Data.port }} {{ .Data.cpu }} {{ .Data.big }} {{ .Data.on }}`:                                                         "8080 1.5 1234567.5 true",
		`{{ add .Data.port 1 }}{{ printf "%05d" .Data.port }}`:                                                                    "808108080",
		`{{ int .Data.num | add 1 }} {{ int64 .Data.num }} {{ atoi .Data.num }} {{ float64 .Data.float }}`:                        "43 42 42 -1500",
		`{{ dig "db" "port" 1 .Data }} {{ dig "db" "nope" 1 .Data }} {{ dig "x" "y" 2 .Data }}`:                                   "5432 1 2",
		`{{ dig "db" "host" "localhost" .Data | shquote }} {{ dig "db" "x" "localhost" .Data | shquote }}`:                        "'db.example' 'localhost'",
		`{{ get .Data "name" | shquote }} {{ get .Data "nope" | shquote }}`:                                                       `'it'\''s; id' ''`,
		`{{ hasKey .Data "name" }} {{ hasKey .Data "nope" }}`:                                                                     "true false",
		`{{ .Data.empty | default "d" | shquote }} {{ .Data.name | default "d" | shquote }}`:                                      `'d' 'it'\''s; id'`,
		`{{ .Data.none | default 5 }} {{ if .Data.empty }}y{{ else }}n{{ end }} {{ if .Data.name }}y{{ end }}`:                    "5 n y",
		`{{ eq (index .Name 0) 99 }}, {{ eq 1 (semver "1.2.3").Major }} {{ eq (semver "1.2.3").Major (semver "2.0.0").Major }}`:   "true, true false",
		`{{ eq .Data.mode "fast" }}, {{ eq .Data.mode "slow" "fast" }} {{ ne .Data.mode "fast" }} {{ eq .Data.port 8080 }}`:       "true, true false true",
		`{{ has "fast" .Data.modes }} {{ has "slow" .Data.modes }} {{ has .Data.mode (list "fast") }}`:                            "true false true",
		`{{ regexMatch "^[a-z]+$" .Data.mode }} {{ hasPrefix "xa" .Data.mode }} {{ contains ";" .Data.name }}`:                    "true false true",
		`{{ range 2 }}x{{ end }}{{ range .Data.none }}{{ else }}z{{ end }}`:                                                       "xxz",
		`{{ range $i, $m := .Data.modes }}{{ $i }}{{ plain "p" }}{{ break }}{{ end }}`:                                            "0p",
		`{{ ternary .Data.mode .Data.name true | plain }}, {{ coalesce .Data.none .Data.mode | plain }}`:                          "fast, fast",
		`{{ required "set mode" .Data.mode | plain }} {{ kindIs "string" .Data.mode }} {{ kindOf .Data.modes }}`:                  "fast true slice",
		`{{ range $k, $v := .Data.db }}{{ $k }}={{ if kindIs "string" $v }}{{ shquote $v }}{{ else }}{{ $v }}{{ end }};{{ end }}`: "host='db.example';port=5432;",
		`{{ $d := dict "a" .Data.mode }}{{ $d.a | plain }}{{ (append .Data.modes .Data.mode) | last | plain }}`:                   "fastfast",
		`{{ (merge (dict "x" 1) .Data).mode | plain }}{{ (mergeOverwrite (dict "mode" "x") .Data).mode | plain }}`:                "fastfast",
		`{{ (slice .Data.modes 0 1) | first | plain }}{{ (concat .Data.modes .Data.modes) | len }}`:                               "fast4",
	} {
		got, err := renderData(t, text, p)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestUseOfDataIsRefusedWithItsPlaceAndTheKey(t *testing.T) {
	t.Parallel()
	p := withData(map[string]string{"name": "it's; id", "lines": "a\nb", "esc": "\x1b[0m", "num": "4x", "inf": "inf", "sub": "a${HOME}"})
	quoteName := "the text of .Data.name is not trusted: quote it, as in {{ shquote .Data.name }}"
	asIs := "the result of shquote for .Data.name is to be printed as it is"
	for text, want := range map[string]string{
		"a\n b{{ .Data.name }}":                  "data/x.tmpl:2:5: " + quoteName,
		"{{ $x := .Data.name }}{{ $x }}":         "data/x.tmpl:1:25: " + quoteName,
		"{{ upper .Data.name }}":                 "data/x.tmpl:1:3: at <upper .Data.name>: error calling upper: " + quoteName,
		"{{ .Data.name | quote }}":               quoteName,
		`{{ print "a" .Data.name }}`:             "error calling print: " + quoteName,
		`{{ printf "%s" .Data.name }}`:           "error calling printf: " + quoteName,
		`{{ printf .Data.name }}`:                quoteName,
		`{{ join " " .Data.modes }}`:             "the text of .Data.modes[0] is not trusted: quote it with shquote, as in {{ range LIST }}",
		`{{ .Data.modes }}`:                      ".Data.modes[0]",
		`{{ .Data.db }}`:                         ".Data.db.host",
		`{{ toJson .Data.db }}`:                  "error calling toJson: the text of .Data.db.host",
		`{{ range .Data.name }}{{ end }}`:        "data/x.tmpl:1:9: " + quoteName,
		`{{ index .Data.db .Data.name }}`:        "should be string",
		`{{ get .Data .Data.name }}`:             quoteName,
		`{{ required .Data.name "" }}`:           quoteName,
		`{{ fail .Data.name }}`:                  quoteName,
		`{{ add .Data.name 1 }}`:                 quoteName,
		`{{ duration .Data.name }}`:              quoteName,
		`{{ shquote .Data.name | trimAll "'" }}`: asIs,
		`{{ shquote .Data.name | shquote }}`:     asIs,
		`{{ print "a" (shquote .Data.name) }}`:   asIs,
		`{{ eq (shquote .Data.name) "x" }}`:      asIs,
		`{{ list (shquote .Data.name) }}`:        asIs,
		`{{ shquote .Data.lines }}`:              ".Data.lines (profiles/coder/t.yaml:1:1) holds a control character or a line break",
		`{{ execquote .Data.esc }}`:              ".Data.esc (profiles/coder/t.yaml:1:1) holds a control character",
		`{{ execquote .Data.sub }}`:              "holds ${",
		`{{ plain .Data.name }}`:                 ".Data.name (profiles/coder/t.yaml:1:1) is no plain word: only letters, digits and",
		`{{ int .Data.num }}`:                    ".Data.num (profiles/coder/t.yaml:1:1) is not a number, or too large",
		`{{ float64 .Data.inf }}`:                "is not a number",
		`{{ eq .Data.name 1 }}`:                  "incompatible types for comparison",
		`{{ uniq .Data.modes }}`:                 "uniq can't compare or copy texts of the data: use eq or has",
		`{{ deepCopy .Data }}`:                   "deepCopy can't compare or copy",
		`{{ printf "%c" .Data.port }}`:           "%c is refused where templates see data",
		`{{ printf "%*c" 1 .Data.port }}`:        "%c is refused",
		`{{ printf "%c" 65 }}`:                   "%c is refused",
		`{{ printf "%q" .Data.port }}`:           "%q is refused",
		`{{ printf "%x" (add .Data.port 1) }}`:   "%x is refused",
		`{{ b64dec (toString .Data.port) }}`:     "b64dec is left out where templates see data",
		`{{ .Data.nope }}`:                       `at <.Data.nope>: map has no entry for key "nope": {{ dig "nope" DEFAULT .Data }} goes without it`,
		`{{ .Data.db.nope }}`:                    `map has no entry for key "nope"`,
		`{{ .Data.name.x }}`:                     "no field .x here",
		`{{ fail "a\x1b[0m\n" }}`:                `error calling fail: a\x1b[0m\n`,
		`{{ range .Data.huge }}{{ end }}`:        "data/x.tmpl:1:9: the ranges of this template come to more than 100000 rounds",
		`{{ print_of_data .Data.name }}`:         `function "print_of_data" not defined`,
		`{{ .Data.none }}`:                       "", // prints <no value>, which the check finds
	} {
		_, err := renderData(t, text, p)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x00") {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// A refused file does not spoil the next one that the same box renders.
func TestARefusalEndsWithItsFile(t *testing.T) {
	set := load(t, overrides(t, map[string]string{"data/a.tmpl": "{{ .Data.name }}", "data/b.tmpl": "{{ set .Data `port` 1 | len }}", "data/c.tmpl": "{{ .Data.port }}"}))
	for range 2 {
		_, _, err := set.Slot(withData(map[string]string{"name": "x"}))
		if err == nil || strings.Count(err.Error(), "\n") != 0 {
			t.Fatal(err)
		}
	}
}

func TestDataIsMissingWithoutADataFile(t *testing.T) {
	for text, want := range map[string]string{`{{ len .Data }}{{ dig "a" "b" "d" .Data }}`: "0d", `{{ .Data.x }}`: `no entry for key "x"`} {
		got, err := renderData(t, text, coder())
		if got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	_, err := renderData(t, "{{ .Data.x }}", coder())
	if err == nil || !LacksKey(err) {
		t.Errorf("%v does not say that a key is missing", err)
	}
}

// stricter reports whether an error is one that only templates that see data have: a list is printed,
// or something that is no number is calculated with.
func stricter(failure string) bool {
	return slices.ContainsFunc([]string{"has to be taken apart", "number is wanted, not", "is not a number"}, func(part string) bool {
		return strings.Contains(failure, part)
	})
}

// For ordinary values a template that sees data comes to the same text as any other, or refuses what
// data could bring into a script.
func TestFunctionsDoTheSameWithoutTextsOfData(t *testing.T) {
	t.Parallel()
	r, types, same := newRooms(t), functionTypes(), 0
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if slices.Contains(decoders(), name) {
			continue
		}
		for _, call := range calls(name, types[name], []string{`"b"`, "7", "2.5", `(list 1 "x" "x")`, "true"}) {
			text := "{{ " + strings.Join(call, " ") + " }}|{{ " + call[len(call)-1] + " | " + strings.Join(call[:len(call)-1], " ") + " }}"
			var want strings.Builder
			parsed, err := r.parser.New("same").Parse(text)
			if err == nil {
				err = parsed.Execute(&want, coder())
			}
			got, failure := r.render(0, text)
			if stricter(failure) {
				continue
			}
			if (err == nil) != (failure == "") || err == nil && got != want.String() {
				t.Errorf("%s: %q %q, want %q %v", text, got, failure, want.String(), err)
			}
			if err == nil {
				same++
			}
		}
	}
	if same < 500 {
		t.Errorf("only %d calls gave anything", same)
	}
}

// A value of another kind than the template expects fails the file: its words would not be quoted, or
// it would count as 0.
func TestDataOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()
	p := withData(map[string]string{"name": "x"})
	p.Data["list"], p.Data["map"], p.Data["yes"], p.Data["none"] = []any{0, true}, map[string]any{"a": 1, "b": 2}, true, nil
	p.Data["half"], p.Data["big"], p.Data["n"] = 0.5, 1<<53, 50_000
	const apart, number = "has to be taken apart", "a number is wanted, not "
	for text, want := range map[string]string{
		"{{ .Data.map }}":                                           apart,
		"{{ .Data.list }}":                                          apart,
		`{{ printf "%v" .Data.map }}`:                               apart,
		"{{ print .Data.list }}":                                    apart,
		"{{ toString .Data.map }}":                                  apart,
		"{{ shquote .Data.list }}":                                  apart,
		`{{ join " " (list .Data.map) }}`:                           apart,
		"{{ int .Data.list }}":                                      number + "a list",
		"{{ int .Data.map }}":                                       number + "a mapping",
		"{{ int .Data.none }}":                                      number + "null",
		"{{ int .Data.yes }}":                                       number + "true or false",
		"{{ int .Data.half }}":                                      "a whole number is wanted, not 0.5",
		"{{ mul 1024 .Data.list }}":                                 number + "a list",
		"{{ mul 1024 .Data.half }}":                                 "a whole number is wanted",
		"{{ mul 1024 .Data.big }}":                                  "too large to calculate with",
		"{{ add 1 .Data.none }}":                                    number + "null",
		"{{ range .Data.n }}{{ range $.Data.n }}{{ end }}{{ end }}": "more than 100000 rounds",
		"{{ range until .Data.n }}{{ range until $.Data.n }}{{ end }}{{ end }}":                           "more than 100000 rounds",
		`{{ define "r" }}{{ range .Data.n }}{{ end }}{{ end }}{{ range 9 }}{{ template "r" $ }}{{ end }}`: "more than 100000 rounds",
	} {
		if _, err := renderData(t, text, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{{ mul 1024 .Data.n }} {{ add1 .Data.n }} {{ addf .Data.half 1 }} {{ join \"-\" .Data.list }}": "51200000 50001 1.5 0-true",
		"{{ int 5.0 }} {{ range .Data.list }}{{ . }};{{ end }}":                                         "5 0;true;",
	} {
		if got, err := renderData(t, text, p); got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}
