package watch

import (
	"slices"
	"time"
)

// everything is the name for all profiles in a schedule.
const everything = ""

// schedule holds the time of the next look at each profile, by its name.
type schedule map[string]time.Time

// add schedules a look at each name. An earlier time that is already scheduled stays.
func (s schedule) add(at time.Time, names ...string) {
	for _, name := range names {
		if other, found := s[name]; !found || at.Before(other) {
			s[name] = at
		}
	}
}

// manyNames is the largest number of names of a limited pass. With more names the pass looks
// at everything: a limited pass searches its names for every profile while it holds the
// scandir's lock.
const manyNames = 1000

// take removes the names that are due from the schedule, and returns them sorted. When
// everything is due, it empties the schedule and returns nil.
func (s schedule) take(now time.Time) []string {
	due := s.due(now)
	if _, all := slices.BinarySearch(due, everything); all || len(due) > manyNames {
		clear(s)
		return nil
	}
	for _, name := range due {
		delete(s, name)
	}
	return due
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

// due returns the names whose time is now or earlier, sorted.
func (s schedule) due(now time.Time) []string {
	var names []string
	for name, at := range s {
		if !at.After(now) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
