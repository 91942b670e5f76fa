package main

import (
	"slices"
	"strings"
	"time"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// An orphan is believed when it is seen again after confirmAfter; a service that
// was told to go is looked after every leavingEvery.
const (
	confirmAfter = 2 * time.Second
	leavingEvery = time.Second
)

// memory is what a watch keeps from one pass to the next. To the nil one, of a
// pass by itself, everything is new.
type memory struct {
	leaving scandir.Leaving
	// leavingAt is when these are looked after next, zero when there are none.
	leavingAt time.Time
	orphans   map[string]sighting // by their services
}

// sighting is of a slot without a profile.
type sighting struct {
	first     time.Time
	confirmed bool
}

func newMemory() *memory {
	return &memory{orphans: map[string]sighting{}}
}

// confirm notes the orphans among the chosen, and returns those that were seen long
// enough ago before.
func (m *memory) confirm(orphans []string, chosen func(name string) bool) []string {
	if m == nil {
		return orphans
	}
	for service := range m.orphans {
		if chosen(profileOf(service)) && !slices.Contains(orphans, service) {
			delete(m.orphans, service)
		}
	}
	var confirmed []string
	for _, service := range orphans {
		s, seen := m.orphans[service]
		if !seen {
			s.first = time.Now()
		}
		if time.Since(s.first) >= confirmAfter {
			s.confirmed = true
			confirmed = append(confirmed, service)
		}
		m.orphans[service] = s
	}
	return confirmed
}

// doubt takes a confirmed orphan for one that is seen for the first time. It is
// looked at again by itself: a profile that comes and goes within one settled burst
// of events is no change.
func (m *memory) doubt(service string) {
	if m != nil {
		m.orphans[service] = sighting{first: time.Now()}
	}
}

// alsoLeaving adds the chosen services that were told to go before: what was
// begun is ended, also where the profile is back by now.
func (m *memory) alsoLeaving(orphans []string, chosen func(name string) bool) []string {
	if m == nil {
		return orphans
	}
	for _, service := range m.going() {
		if scan.CheckName(profileOf(service)) == "" && chosen(profileOf(service)) && !slices.Contains(orphans, service) {
			orphans = append(orphans, service)
		}
	}
	return orphans
}

// going returns the services that were told to go down and still stand.
func (m *memory) going() []string {
	if m == nil {
		return nil
	}
	return m.leaving.Asked()
}

// isLeaving tells whether a service was told to go and its supervisors have not ended.
func (m *memory) isLeaving(service string) bool {
	return m != nil && m.leaving.Has(service)
}

// next returns the profiles that another pass has to look at, and when; the zero
// time is never.
func (m *memory) next() (names []string, at time.Time) {
	for service, s := range m.orphans {
		if !s.confirmed {
			names = append(names, profileOf(service))
			at = earlier(at, s.first.Add(confirmAfter))
		}
	}
	unfinished, _ := m.leaving.Unfinished()
	for _, service := range unfinished {
		names = append(names, profileOf(service))
	}
	if len(unfinished) > 0 && m.leavingAt.IsZero() {
		m.leavingAt = time.Now().Add(leavingEvery)
	}
	return names, earlier(at, m.leavingAt)
}

func profileOf(service string) string { return strings.TrimPrefix(service, scan.ServicePrefix) }

// earlier takes a zero time for none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
