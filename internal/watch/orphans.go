package watch

import (
	"slices"
	"strings"
	"time"

	"slotgen/scan"
)

// confirmAfter is how long an orphan has to be missing before a watch acts on it.
const confirmAfter = 2 * time.Second

// orphans holds when each slot without a profile was first seen, by its service.
type orphans struct {
	first map[string]time.Time
	again schedule
}

// Confirm returns the orphans that were first seen long enough ago. The others are
// looked at again.
func (o orphans) Confirm(services []string, chosen func(name string) bool) []string {
	for service := range o.first {
		if chosen(profileOf(service)) && !slices.Contains(services, service) {
			delete(o.first, service)
		}
	}
	var confirmed []string
	for _, service := range services {
		if first, seen := o.first[service]; !seen {
			o.Reset(service)
		} else if at := first.Add(confirmAfter); time.Now().Before(at) {
			o.again.add(profileOf(service), at)
		} else {
			confirmed = append(confirmed, service)
		}
	}
	return confirmed
}

// Reset restarts an orphan's confirmation. The watch looks at it again without an event:
// a profile that comes and goes within one burst of events is no change.
func (o orphans) Reset(service string) {
	o.first[service] = time.Now()
	o.again.add(profileOf(service), o.first[service].Add(confirmAfter))
}

func profileOf(service string) string { return strings.TrimPrefix(service, scan.ServicePrefix) }
