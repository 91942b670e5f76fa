package render

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template"
)

const suffix = ".tmpl"

// Set holds the templates of all profiles. For each file it uses the profile's own override,
// else the common override, else the embedded template (docs/design.md, "Templates").
// Several goroutines may use it at the same time.
type Set struct {
	embedded, common layer
	profiles         map[string]layer
	// Warnings name the files in the override directory that slotgen ignores.
	Warnings []string

	shared func() *tree
}

// Embedded returns the templates in the binary.
func Embedded() *Set {
	s := &Set{embedded: embeddedLayer(), common: layer{}, profiles: map[string]layer{}}
	s.shared = sync.OnceValue(func() *tree { return newTree(s.common, s.embedded) })
	return s
}

// tree holds the parsed templates of one profile, or of all profiles without their own
// overrides.
type tree struct {
	root  *template.Template
	files []file // without partials, sorted by slot path
	// overridden is true when one of the templates is an override. Its blocks can change
	// every file.
	overridden bool
	err        error
}

func (s *Set) treeFor(profile string) *tree {
	own, ok := s.profiles[profile]
	if !ok {
		return s.shared()
	}
	return newTree(own, s.common, s.embedded)
}

// effective returns the sources in use. For each slot path it takes the source of the first
// layer that has one. It returns the sources of the last layer first: the earlier layer's
// definition of a block then replaces the later layer's.
func effective(layers ...layer) []source {
	chosen := layer{}
	rank := map[string]int{}
	for i, l := range slices.Backward(layers) {
		maps.Copy(chosen, l)
		for slotPath := range l {
			rank[slotPath] = -i
		}
	}
	return slices.SortedFunc(maps.Values(chosen), func(a, b source) int {
		return cmp.Or(cmp.Compare(rank[a.slotPath], rank[b.slotPath]), cmp.Compare(a.slotPath, b.slotPath))
	})
}

func bySlotPath(a, b source) int { return cmp.Compare(a.slotPath, b.slotPath) }

// file is the template of one file of a slot.
type file struct {
	source
	template *template.Template
}

func newTree(layers ...layer) *tree {
	sources := effective(layers...)
	t := &tree{root: template.New("").Option("missingkey=error").Funcs(Functions())}
	var errs []error
	badPartial := false
	for _, src := range sources {
		if err := t.parse(src); err != nil {
			errs = append(errs, err)
			badPartial = badPartial || src.isPartial()
			continue
		}
		if !src.isPartial() {
			t.files = append(t.files, file{source: src})
		}
	}
	errs = append(errs, t.replacedFiles()...)
	if t.err = errors.Join(errs...); badPartial {
		t.files = nil // the other files fail too without the partial's blocks
	}
	for i := range t.files {
		t.files[i].template = t.root.Lookup(t.files[i].file)
	}
	t.overridden = slices.ContainsFunc(sources, isOverride)
	slices.SortFunc(t.files, func(a, b file) int { return bySlotPath(a.source, b.source) })
	return t
}

// replacedFiles returns an error for each file whose template was replaced by a block of the
// same name in another file. Only the name of a file decides which template makes it.
func (t *tree) replacedFiles() []error {
	var errs []error
	for _, f := range t.files {
		if by := t.root.Lookup(f.file).ParseName; by != f.file {
			errs = append(errs, fmt.Errorf("template %s: the block %q has the name of the %s: call it otherwise", by, f.file, f.describe()))
		}
	}
	return errs
}

// parse adds a template under the name of its file. Two files of one slot may have the same
// base name.
func (t *tree) parse(src source) error {
	if src.err != nil {
		return fmt.Errorf("template %s: %w", src.file, src.err)
	}
	_, err := t.root.New(src.file).Parse(src.text)
	if err == nil {
		return nil
	}
	functions := Functions()
	line, column := parseColumn(src.text, func(text string) error {
		_, err := template.New(src.file).Funcs(functions).Parse(text)
		return err
	})
	// The error is "template: FILE:LINE: TEXT". LINE may be the last line of the file instead
	// of the wrong one.
	_, problem, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: "+src.file+":"), ": ")
	return addHint(fmt.Errorf("template %s:%d:%d: %s", src.file, line, column, problem))
}
