package render

import (
	"fmt"
	"maps"
	"slices"
)

// Origin describes one template and its place.
type Origin struct {
	// Path is the file in a slot that the template makes, or the name of a partial.
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

// Origins lists the templates that all profiles share, then the overrides of single profiles.
// Both are sorted by path.
func (s *Set) Origins() []Origin {
	origins := originsOf("", effective(s.common, s.embedded))
	for _, name := range s.Profiles() {
		origins = append(origins, originsOf(name, effective(s.profiles[name]))...)
	}
	return origins
}

// Profiles returns the names of the profiles that have their own overrides, sorted. A profile
// of such a name may not exist.
func (s *Set) Profiles() []string { return slices.Sorted(maps.Keys(s.profiles)) }

func originsOf(profile string, sources []source) []Origin {
	slices.SortFunc(sources, bySlotPath)
	var origins []Origin
	for _, src := range sources {
		o := Origin{Path: src.slotPath, Profile: profile, Text: src.text, Refused: src.err}
		if !src.embedded {
			o.File = src.file
		}
		origins = append(origins, o)
	}
	return origins
}

// Origin returns the template that makes slotPath for a profile. An empty profile means all
// profiles without their own overrides.
func (s *Set) Origin(slotPath, profile string) (Origin, error) {
	for _, o := range originsOf(profile, effective(s.profiles[profile], s.common, s.embedded)) {
		if o.Path == slotPath {
			return o, o.Refused
		}
	}
	return Origin{}, fmt.Errorf("no template makes %q", slotPath)
}
