package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"slotgen/scan"
	"slotgen/templates"
)

const suffix = ".tmpl"

// Set is a parsed template tree. It is safe for use by several goroutines.
type Set struct {
	root *template.Template
	// paths are the slot files that have a template, sorted.
	paths []string
}

// Embedded parses the embedded templates.
func Embedded() (*Set, error) {
	set := &Set{root: template.New("").Option("missingkey=error").Funcs(Functions())}
	if err := fs.WalkDir(templates.FS, ".", set.add); err != nil {
		return nil, fmt.Errorf("reading the embedded templates: %w", err)
	}
	slices.Sort(set.paths)
	return set, nil
}

// add parses one file. A template is named by its slot path, since two files of
// one slot may have the same base name.
func (s *Set) add(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if entry.IsDir() {
		if name == hookDir {
			return fs.SkipDir
		}
		return nil
	}
	if !strings.HasSuffix(name, suffix) {
		return nil
	}
	text, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		return err
	}
	slotPath := strings.TrimSuffix(name, suffix)
	if _, err := s.root.New(slotPath).Parse(string(text)); err != nil {
		return positioned(err)
	}
	if !strings.HasPrefix(path.Base(slotPath), "_") {
		s.paths = append(s.paths, slotPath)
	}
	return nil
}

// Slot renders the slot of p. The error names the slot and the template's
// file, line and column.
func (s *Set) Slot(p scan.Profile) (Slot, error) {
	slot := Slot{Service: p.Service, Start: p.Start, Files: make([]File, 0, len(s.paths)+1)}
	for _, name := range s.paths {
		var out bytes.Buffer
		if err := s.root.ExecuteTemplate(&out, name, p); err != nil {
			return Slot{}, fmt.Errorf("rendering slot %q: %w", p.Name, positioned(err))
		}
		if len(bytes.TrimSpace(out.Bytes())) == 0 {
			continue
		}
		slot.Files = append(slot.Files, File{Path: name, Mode: fileMode(name, out.Bytes()), Data: out.Bytes()})
	}
	if !p.Start {
		slot.Files = append(slot.Files, File{Path: DownFile, Mode: DataMode, Data: []byte{}})
	}
	slices.SortFunc(slot.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return slot, nil
}

// fileMode makes executable what s6-supervise executes and what is a script by
// its first two bytes.
func fileMode(name string, data []byte) fs.FileMode {
	switch name {
	case "run", "finish", "log/run":
		return ScriptMode
	}
	if bytes.HasPrefix(data, []byte("#!")) {
		return ScriptMode
	}
	return DataMode
}

// templateError is an error of text/template that reads "template FILE:LINE:COL: …".
type templateError struct{ err error }

func (e templateError) Error() string {
	return "template " + strings.TrimPrefix(e.err.Error(), "template: ")
}

func (e templateError) Unwrap() error { return e.err }

func positioned(err error) error { return templateError{err} }
