package watch

import (
	"maps"
	"slices"
	"time"
)

// everything is the name for all profiles in a workset and a schedule.
const everything = ""

// workset holds the names of the profiles for the next pass.
type workset map[string]bool

func (w workset) add(names ...string) {
	for _, name := range names {
		w[name] = true
	}
}

// manyNames is the largest number of names of a limited pass. With more names the pass looks
// at everything: a limited pass searches its names for every profile while it holds the
// scandir's lock.
const manyNames = 1000

// only returns the names for a limited pass, or nil for a pass over everything.
func (w workset) only() []string {
	if len(w) > manyNames {
		w.add(everything)
	}
	if w[everything] {
		return nil
	}
	return slices.Sorted(maps.Keys(w))
}

// schedule holds the time of the next look at each profile, by its name.
type schedule map[string]time.Time

// add schedules a look at a name. An earlier time that is already scheduled stays.
func (s schedule) add(name string, at time.Time) {
	if other, found := s[name]; !found || at.Before(other) {
		s[name] = at
	}
}

// remove deletes the chosen names.
func (s schedule) remove(chosen func(name string) bool) {
	maps.DeleteFunc(s, func(name string, _ time.Time) bool { return chosen(name) })
}

// earliest returns the earliest time, or the zero time for an empty schedule.
func (s schedule) earliest() time.Time {
	var earliest time.Time
	for _, at := range s {
		if earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

// due returns the names whose time is now or earlier.
func (s schedule) due(now time.Time) []string {
	var names []string
	for name, at := range s {
		if !at.After(now) {
			names = append(names, name)
		}
	}
	return names
}

// bringForward sets every later time to the given one.
func (s schedule) bringForward(at time.Time) {
	for name := range s {
		s.add(name, at)
	}
}
