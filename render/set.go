package render

import (
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

// HasOverrides reports whether any file comes from an override directory.
func (s *Set) HasOverrides() bool { return len(s.common) > 0 || len(s.profiles) > 0 }

// tree holds the parsed templates of one profile, or of all profiles without their own
// overrides.
type tree struct {
	root  *template.Template
	files []file // without partials, sorted by slot path
	// overridden is true when one of the templates is an override. Its blocks can change
	// every file.
	overridden bool
	err        error
	boxes      sync.Pool
}

func (s *Set) treeFor(profile string) *tree {
	own, ok := s.profiles[profile]
	if !ok {
		return s.shared()
	}
	return newTree(own, s.common, s.embedded)
}

// effective returns the templates in use. For each path it takes the template of the first
// layer that has one. It returns the templates of the last layer first: the earlier layer's
// definition of a block then replaces the later layer's. Each layer is sorted by path.
func effective(layers ...layer) []Origin {
	var all []Origin
	for i, l := range slices.Backward(layers) {
		for _, slotPath := range slices.Sorted(maps.Keys(l)) {
			replaces := func(earlier layer) bool { _, found := earlier[slotPath]; return found }
			if !slices.ContainsFunc(layers[:i], replaces) {
				all = append(all, l[slotPath])
			}
		}
	}
	return all
}

// file is the template of one file of a slot.
type file struct {
	Origin
	template *template.Template
}

func newTree(layers ...layer) *tree {
	t := &tree{root: template.New("").Option("missingkey=error").Funcs(Functions())}
	var errs []error
	badPartial := false
	for _, o := range effective(layers...) {
		t.overridden = t.overridden || o.File != ""
		parsed, err := t.parse(o)
		if err != nil {
			errs = append(errs, err)
			badPartial = badPartial || o.isPartial()
			continue
		}
		if !o.isPartial() {
			t.files = append(t.files, file{o, parsed})
		}
	}
	errs = append(errs, t.replacedFiles()...)
	if t.err = errors.Join(errs...); badPartial {
		t.files = nil // the other files fail too without the partial's blocks
	}
	slices.SortFunc(t.files, func(a, b file) int { return byPath(a.Origin, b.Origin) })
	return t
}

// replacedFiles returns an error for each file whose template was replaced by a block of the
// same name in another file. Only the name of a file decides which template makes it.
func (t *tree) replacedFiles() []error {
	var errs []error
	for _, f := range t.files {
		if by := t.root.Lookup(f.name()).ParseName; by != f.name() {
			errs = append(errs, fmt.Errorf("template %s: the block %q has the name of the %s: give the block another name", by, f.name(), f.describe()))
		}
	}
	return errs
}

// parse adds a template under the name of its file. Two files of one slot may have the same
// base name.
func (t *tree) parse(o Origin) (*template.Template, error) {
	if o.Refused != nil {
		return nil, fmt.Errorf("template %s: %w", o.name(), o.Refused)
	}
	parsed, err := t.root.New(o.name()).Parse(o.Text)
	if err == nil {
		return parsed, nil
	}
	line, column := parseColumn(o.Text)
	// The error is "template: FILE:LINE: TEXT". LINE may be the last line of the file instead
	// of the wrong one.
	_, problem, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: "+o.name()+":"), ": ")
	return nil, explain(fmt.Sprintf("template %s:%d:%d: %s", o.name(), line, column, problem))
}
