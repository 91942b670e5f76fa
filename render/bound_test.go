package render

import (
	"strings"
	"testing"
)

func renderText(t *testing.T, text string) error {
	t.Helper()
	_, _, err := renderWith(t, overrides(t, map[string]string{"data/x.tmpl": text}))
	return err
}

func TestTemplateWithMoreThanAMebibyteOfOutputFails(t *testing.T) {
	for _, text := range []string{
		`{{ range 100000000000 }}x{{ end }}`,
		`{{ range 100000000000 }}{{ $.Name }}{{ end }}`,
		`{{ range 2 }}{{ repeat 1048576 "x" }}{{ end }}`,
		`{{ .Name }}{{ repeat 1048576 "x" }}`,
		`{{ range 100000000000 }}{{ $.Name }}{{ end }}{{ fail "behind it" }}`,
	} {
		err := renderText(t, text)
		if err == nil || !strings.HasSuffix(err.Error(), "/data/x.tmpl: it comes to more than 1 MiB: does a loop go on too long?") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFunctionThatWouldMakeMoreThanAMebibyteFails(t *testing.T) {
	for _, text := range []string{
		`{{ repeat 1048577 "x" }}`,
		`{{ repeat 524289 "xx" }}`,
		`{{ repeat 9223372036854775807 "xyz" }}`,
		`{{ indent 9223372036854775807 "x" }}`,
		`{{ "x\ny\nz" | nindent 400000 }}`,
		`{{ until 1048577 }}`,
		`{{ until -100000000000 }}`,
		`{{ untilStep 0 100000000000 1 }}`,
		`{{ untilStep 0 9223372036854775807 4611686018427387904 }}`,
		`{{ seq 100000000000 }}`,
		`{{ seq 100000000000 -1 1 }}`,
	} {
		err := renderText(t, text)
		if err == nil || !strings.Contains(err.Error(), "/data/x.tmpl:1:") || !strings.HasSuffix(err.Error(), ": it would make more than 1 MiB") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestBoundedFunctionGivesTheSameAsSprigs(t *testing.T) {
	for text, want := range map[string]string{
		`{{ repeat 1048576 "x" | len }}`:           "1048576",
		`{{ repeat 0 "x" }}-`:                      "-",
		`{{ indent 2 "x\ny" }}{{ nindent 1 "z" }}`: "  x\n  y\n z",
		`{{ until 1048576 | len }} {{ until -2 }}`: "1048576 [0 -1]",
		`{{ untilStep 0 6 2 }} {{ seq 1 2 5 }}`:    "[0 2 4] 1 3 5",
	} {
		slot, _, err := renderWith(t, overrides(t, map[string]string{"data/x.tmpl": text}))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := textOf(t, slot, "data/x"); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
