package watch

import (
	"maps"
	"slices"
	"time"
)

// everything is the name in a workset and a schedule that stands for all profiles.
const everything = ""

// workset holds the names of the profiles that a pass has to look at.
type workset map[string]bool

func (w workset) add(names ...string) {
	for _, name := range names {
		w[name] = true
	}
}

// manyNames are worth a look at everything: a pass that is limited looks each profile up
// among its names, and holds the scandir's lock meanwhile.
const manyNames = 1000

// only returns the choice of a pass: nil for everything.
func (w workset) only() []string {
	if len(w) > manyNames {
		w.add(everything)
	}
	if w[everything] {
		return nil
	}
	return slices.Sorted(maps.Keys(w))
}

// schedule says when a watch has to look at a profile again.
type schedule map[string]time.Time

// add keeps the earlier time of a name.
func (s schedule) add(name string, at time.Time) {
	if other, found := s[name]; !found || at.Before(other) {
		s[name] = at
	}
}

// looked deletes the names that a pass has chosen.
func (s schedule) looked(chosen func(name string) bool) {
	maps.DeleteFunc(s, func(name string, _ time.Time) bool { return chosen(name) })
}

// first returns the earliest time, or the zero one.
func (s schedule) first() time.Time {
	var first time.Time
	for _, at := range s {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// due returns the names whose time has come.
func (s schedule) due(now time.Time) []string {
	var names []string
	for name, at := range s {
		if !at.After(now) {
			names = append(names, name)
		}
	}
	return names
}

// hurry leaves no time that is later than the given one.
func (s schedule) hurry(at time.Time) {
	for name := range s {
		s.add(name, at)
	}
}
