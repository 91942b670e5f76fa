package render

import (
	"strings"
	"testing"

	"slotgen/internal/hint"
)

func TestMistakeInATemplateIsExplained(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no end", `{{if .Start}}`, "has no {{end}}"},
		{"no end of a define", `{{define "x"}}`, "has no {{end}}"},
		{"function that depends on the clock", `{{now}}`, "sprig's now is left out"},
		{"function that depends on the environment", `{{env "PATH"}}`, "sprig's env is left out"},
		{"function that gives a map's order", `{{keys (dict)}}`, "sprig's keys is left out"},
		{"Helm's", `{{include "x" .}}`, `{{template "NAME" .}}`},
		{"near function", `{{shqoute .Name}}`, `function "shqoute" not defined, did you mean shquote?`},
		{"far function", `{{zzzzzz}}`, "there are sprig's functions"},
		{"near field", `{{.Hoem}}`, "run.tmpl:2:2: no field .Hoem, did you mean .Home?"},
		{"far field", `{{.Whatever}}`, "no field .Whatever: a profile has .Name, .Service, "},
		{"field of the profile in a range", `{{range until 1}}{{.Dir}}{{end}}`, "no field .Dir here: in a range or with the profile is $, so write $.Dir"},
		{"field of nothing in a range", `{{range until 1}}{{.Foo}}{{end}}`, "no field .Foo here"},
		{"value without fields", `{{.Name.Foo}}`, "no field .Foo here"},
		{"function that fails", `{{fail "no"}}`, `run.tmpl:2:2: at <fail "no">: error calling fail: no`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := overrides(t, map[string]string{"run.tmpl": "#!/bin/sh\n" + tt.text})
			_, _, err := renderWith(t, dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "run.tmpl") != 1 {
				t.Errorf("error %v, want %q in it and the file once", err, tt.want)
			}
		})
	}
}

// checkHint checks that the error's hint contains want, or that it has no hint if want is "".
func checkHint(t *testing.T, err error, want string) {
	t.Helper()
	if got := hint.Of(err); (got != "") != (want != "") || !strings.Contains(got, want) {
		t.Errorf("error %v has not the hint %q", err, want)
	}
}
