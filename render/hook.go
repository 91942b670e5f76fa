package render

import (
	"bytes"
	"fmt"
	"text/template"

	"slotgen/templates"
)

// hookDir holds the embedded templates that are no slot's.
const hookDir = "hook"

// Hook returns the script of the given kind that wires slotgen into an image.
// Program is slotgen's absolute path there.
func Hook(kind, program string) ([]byte, error) {
	name := hookDir + "/" + kind + suffix
	text, err := templates.FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(Functions()).Parse(string(text))
	if err != nil {
		return nil, templateError{err}
	}
	var out bytes.Buffer
	if err := t.Execute(&out, struct{ Program string }{program}); err != nil {
		return nil, templateError{err}
	}
	return out.Bytes(), nil
}
