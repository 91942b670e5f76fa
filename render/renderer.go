package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"slotgen/internal/hint"
	"slotgen/scan"
)

// Slot renders the slot of p. It checks the slot where a template is an override. The list holds
// the doubtful findings, which do not keep the slot from being published.
//
// The error joins every mistake: with file, line and column of a template,
// or of the rendered text. If every template rendered, Slot returns the slot with the error.
func (s *Set) Slot(p scan.Profile) (Slot, []error, error) {
	t := s.treeFor(p.Name)
	slot := Slot{Service: p.Service}
	errs := []error{t.err}
	var findings []finding
	for _, f := range t.files {
		rendered, misquoted, err := t.render(f, p)
		findings = append(findings, misquoted...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !isBlank(rendered.Data) {
			slot.Files = append(slot.Files, rendered)
		}
	}
	if t.overridden {
		findings = append(findings, check(slot)...)
	}
	if !p.Start {
		slot.Files = append(slot.Files, File{Path: DownFile, Mode: DataMode, Data: []byte{}})
		slices.SortFunc(slot.Files, compareFiles)
	}
	if errors.Join(errs...) != nil {
		slot = Slot{}
	}
	var doubtful []error
	for _, found := range findings {
		made := slices.IndexFunc(t.files, func(f file) bool { return f.Path == found.path })
		err := fmt.Errorf("rendered %s (%s)", found.text, t.files[made].describe())
		if found.doubtful {
			doubtful = append(doubtful, err)
		} else {
			errs = append(errs, err)
		}
	}
	return slot, doubtful, errors.Join(errs...)
}

// render renders one file. It keeps boxes, as making one takes longer than rendering.
func (t *tree) render(f file, p scan.Profile) (File, []finding, error) {
	if p.Data == nil {
		rendered, err := f.render(p)
		if err != nil && LacksKey(err) && strings.Contains(err.Error(), ".Data") {
			err = hint.Add(err, "--data or SLOTGEN_DATA names the file of a profile that .Data comes from")
		}
		return rendered, nil, err
	}
	b, _ := t.boxes.Get().(*box)
	if b == nil {
		var err error
		if b, err = newBox(t.root); err != nil {
			return File{}, nil, err
		}
	}
	defer t.boxes.Put(b)
	return b.render(f, p)
}

func (f file) render(p scan.Profile) (File, error) {
	text := make(boundedText, 0, len(f.Text)) // most scripts are about as long as their templates
	err := f.template.Execute(&text, p)
	return f.finish(text, err)
}

// finish returns the file with the text that the template came to, unless err is its error.
func (f file) finish(text boundedText, err error) (File, error) {
	switch {
	case errors.Is(err, errTooLong): // line and column would not help
		return File{}, fmt.Errorf("template %s: %w", f.name(), errTooLong)
	case err != nil:
		return File{}, explain("template " + strings.TrimPrefix(err.Error(), "template: "))
	case isBlank(text) && (f.Path == "run" || f.Path == TypeFile):
		return File{}, fmt.Errorf("template %s: %w", f.name(), errMustRender)
	}
	return File{Path: f.Path, Mode: fileMode(f.Path, text), Data: text}, nil
}

// isBlank reports whether a rendered text makes no file.
func isBlank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

var errMustRender = errors.New("renders to nothing, but every service directory needs this file")

// fileMode returns ScriptMode for the files that s6-supervise executes, and for files that
// begin with "#!".
func fileMode(slotPath string, data []byte) fs.FileMode {
	switch slotPath {
	case "run", "finish", "log/run":
		return ScriptMode
	}
	if bytes.HasPrefix(data, []byte("#!")) {
		return ScriptMode
	}
	return DataMode
}
