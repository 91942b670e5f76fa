package render

import (
	"fmt"
	"maps"
	"slices"
)

// Origin says where one template comes from.
type Origin struct {
	// Path is the file that it makes in a slot, or a partial's name.
	Path string
	// Profile is whose override it is, empty for one that all profiles share.
	Profile string
	// File is its path in the override directory, empty for an embedded one.
	File string
	// Text is the template.
	Text string
	// Refused is why it can't be used, or nil.
	Refused error
}

// Origins lists the templates that all profiles share, then those of single
// profiles, each by path.
func (s *Set) Origins() []Origin {
	origins := originsOf("", effective(s.common, s.embedded))
	for _, name := range s.Profiles() {
		origins = append(origins, originsOf(name, effective(s.profiles[name]))...)
	}
	return origins
}

// Profiles returns the names of those that have overrides of their own, sorted. There
// may be no such profile.
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

// Origin returns the template in use for a slot path, for a profile or, where
// that is empty, for all that have none of their own.
func (s *Set) Origin(slotPath, profile string) (Origin, error) {
	for _, o := range originsOf(profile, effective(s.profiles[profile], s.common, s.embedded)) {
		if o.Path == slotPath {
			return o, o.Refused
		}
	}
	return Origin{}, fmt.Errorf("no template makes %q", slotPath)
}
