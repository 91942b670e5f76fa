package watch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"slotgen/scan"
)

// confirmAfter is the confirmation period: a watch acts on an orphan this long after it saw
// the orphan first.
const confirmAfter = 2 * time.Second

// orphans holds the time at which the watch first saw each orphan, by its service.
type orphans struct {
	firstSeen map[string]time.Time
	next      schedule
}

// Confirm returns the orphans whose confirmation period is over. It schedules another look
// at the others.
func (o orphans) Confirm(services []string, chosen func(name string) bool) []string {
	maps.DeleteFunc(o.firstSeen, func(service string, _ time.Time) bool {
		return chosen(profileOf(service)) && !slices.Contains(services, service)
	})
	var confirmed []string
	for _, service := range services {
		if first, seen := o.firstSeen[service]; !seen {
			o.Reset(service)
		} else if at := first.Add(confirmAfter); time.Now().Before(at) {
			o.next.add(at, profileOf(service))
		} else {
			confirmed = append(confirmed, service)
		}
	}
	return confirmed
}

// Reset restarts an orphan's confirmation period and schedules another look. The look needs
// no event: package notify may report no change for a profile that comes and goes within
// one burst.
func (o orphans) Reset(service string) {
	o.firstSeen[service] = time.Now()
	o.next.add(o.firstSeen[service].Add(confirmAfter), profileOf(service))
}

func profileOf(service string) string { return strings.TrimPrefix(service, scan.ServicePrefix) }
