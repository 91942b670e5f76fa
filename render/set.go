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

// Set is the templates of all profiles: for each file a profile's own override
// goes before a common one, and that before the embedded one (design,
// "Templates"). It is safe for use by several goroutines.
type Set struct {
	embedded, common layer
	profiles         map[string]layer
	// Warnings are about files that are no templates.
	Warnings []string

	shared func() *tree
}

// Embedded returns the templates in the binary.
func Embedded() *Set {
	s := &Set{embedded: embeddedLayer(), common: layer{}, profiles: map[string]layer{}}
	s.shared = sync.OnceValue(func() *tree { return newTree(s.common, s.embedded) })
	return s
}

// tree is the parsed templates of one profile, or of all that have none of
// their own.
type tree struct {
	root  *template.Template
	files []file // without partials, sorted by slot path
	// overridden tells whether an override has a hand in any file, and checked
	// whether in every one.
	overridden, checked bool
	err                 error
}

func (s *Set) treeFor(profile string) *tree {
	own, ok := s.profiles[profile]
	if !ok {
		return s.shared()
	}
	return newTree(own, s.common, s.embedded)
}

// effective returns the sources in use: of each slot path the one in the first
// layer that has it. Those of the last layer come first, so that a block that is
// defined twice is the earlier layer's.
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
	t := &tree{root: template.New("").Option("missingkey=error").Funcs(functionsFor(sources))}
	var errs []error
	badPartial := false
	for _, src := range sources {
		if err := t.parse(src); err != nil {
			errs = append(errs, err)
			badPartial = badPartial || src.isPartial()
			continue
		}
		t.checked = t.checked || isOverride(src) && src.mayDefine()
		if !src.isPartial() {
			t.files = append(t.files, file{source: src})
		}
	}
	errs = append(errs, t.replaced()...)
	if t.err = errors.Join(errs...); badPartial {
		t.files = nil // without its blocks the rest fails too, and tells nothing new
	}
	for i := range t.files {
		t.files[i].template = t.root.Lookup(t.files[i].file)
	}
	t.overridden = slices.ContainsFunc(sources, isOverride)
	slices.SortFunc(t.files, func(a, b file) int { return bySlotPath(a.source, b.source) })
	return t
}

// replaced tells of files whose templates have become a block that another one
// defines by their name: what makes a file is told by the names of files alone.
func (t *tree) replaced() []error {
	var errs []error
	for _, f := range t.files {
		if by := t.root.Lookup(f.file).ParseName; by != f.file {
			errs = append(errs, fmt.Errorf("template %s: the block %q has the name of the %s: call it otherwise", by, f.file, f.describe()))
		}
	}
	return errs
}

// functionsFor returns what templates may call: all there is, unless they are the
// embedded ones.
func functionsFor(sources []source) template.FuncMap {
	if slices.ContainsFunc(sources, isOverride) {
		return Functions()
	}
	return ownFunctions()
}

// parse adds a template under the name of its file: two files of one slot may
// have the same base name.
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
	// "template: FILE:LINE: what", of which the line may be the text's last.
	_, what, _ := strings.Cut(strings.TrimPrefix(err.Error(), "template: "+src.file+":"), ": ")
	return mistaken(fmt.Errorf("template %s:%d:%d: %s", src.file, line, column, what))
}
