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

func TestTemplateThatComesToMoreThanAMebibyteFails(t *testing.T) {
	for _, text := range []string{
		`{{ range 100000000000 }}x{{ end }}`,
		`{{ range 100000000000 }}{{ $.Name }}{{ end }}`,
		`{{ range 2 }}{{ repeat 1048576 "x" }}{{ end }}`,
		`{{ .Name }}{{ repeat 1048576 "x" }}`,
		`{{ repeat 10000000 "x" }}`,
		`{{ range 100000000000 }}{{ $.Name }}{{ end }}{{ fail "behind it" }}`,
	} {
		err := renderText(t, text)
		if err == nil || !strings.HasSuffix(err.Error(), "/data/x.tmpl: it comes to more than 1 MiB: does a loop go on too long?") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
