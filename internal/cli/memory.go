package cli

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
	leaving scandir.Drain
	// orphans holds when each was seen first, by its service.
	orphans map[string]time.Time
	// again says what to look at once more, though nothing changes.
	again schedule
}

func newMemory() *memory {
	return &memory{orphans: map[string]time.Time{}, again: schedule{}}
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
		if first, seen := m.orphans[service]; !seen {
			m.doubt(service)
		} else if at := first.Add(confirmAfter); time.Now().Before(at) {
			m.again.add(profileOf(service), at)
		} else {
			confirmed = append(confirmed, service)
		}
	}
	return confirmed
}

// doubt restarts the orphan's confirmation period. The watch looks at it again by
// itself: a profile that comes and goes within one burst of events is no change.
func (m *memory) doubt(service string) {
	if m != nil {
		m.orphans[service] = time.Now()
		m.again.add(profileOf(service), m.orphans[service].Add(confirmAfter))
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

func profileOf(service string) string { return strings.TrimPrefix(service, scan.ServicePrefix) }
