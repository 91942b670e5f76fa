package render

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"slotgen/templates"
)

// Origin is one template and its place.
type Origin struct {
	// Path is the file in a slot that the template makes: "run", "log/run". A template whose
	// base name begins with "_" is a partial: it makes no file and holds shared blocks.
	Path string
	// Profile is the profile that the override is for. It is empty where all profiles share it.
	Profile string
	// File is the path in the override directory. It is empty for an embedded template.
	File string
	// Text is the source of the template.
	Text string
	// Refused is the reason why slotgen can't use the template, or nil.
	Refused error
}

// name returns the name of the template for messages.
func (o Origin) name() string { return cmp.Or(o.File, o.Path) }

func (o Origin) describe() string {
	if o.File == "" {
		return "embedded template " + o.Path
	}
	return "template " + o.File
}

func (o Origin) isPartial() bool { return strings.HasPrefix(path.Base(o.Path), "_") }

// layer holds the templates of one level of precedence by their paths.
type layer map[string]Origin

// embeddedLayer returns the templates in the binary.
func embeddedLayer() layer {
	l := layer{}
	for slotPath, text := range templates.Slot() {
		l[slotPath] = Origin{Path: slotPath, Text: text}
	}
	return l
}

// Origins lists the templates that all profiles share, then the overrides of single profiles.
// Both are sorted by path.
func (s *Set) Origins() []Origin {
	origins := slices.SortedFunc(slices.Values(effective(s.common, s.embedded)), byPath)
	for _, name := range s.Profiles() {
		origins = append(origins, effective(s.profiles[name])...)
	}
	return origins
}

func byPath(a, b Origin) int { return cmp.Compare(a.Path, b.Path) }

// Profiles returns the names of the profiles that have their own overrides, sorted. A profile
// of such a name may not exist.
func (s *Set) Profiles() []string { return slices.Sorted(maps.Keys(s.profiles)) }

// Origin returns the template that makes slotPath for a profile. An empty profile means all
// profiles without their own overrides.
func (s *Set) Origin(slotPath, profile string) (Origin, error) {
	for _, l := range []layer{s.profiles[profile], s.common, s.embedded} {
		if o, found := l[slotPath]; found {
			return o, o.Refused
		}
	}
	return Origin{}, fmt.Errorf("no template makes %q", slotPath)
}
