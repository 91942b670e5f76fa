package watch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"slotgen/internal/hint"
	"slotgen/scan"
)

const (
	// nameAfter is the confirmation period of a watch that only names orphans.
	nameAfter = 2 * time.Second
	// looks is the number of looks at an orphan in its confirmation period, where no more
	// than mostBetween lies between two of them.
	looks       = 4
	mostBetween = 15 * time.Second
)

// orphans decides which orphans a watch acts on (docs/design.md, "Watch").
type orphans struct {
	// after is the confirmation period: an orphan has to be missing for so long, at every
	// look.
	after time.Duration
	// firstSeen holds the start of the period of each orphan, by its service.
	firstSeen map[string]time.Time
	next      schedule
	layout    scan.Layout
	// profiles is the profiles folder at the first look that found one.
	profiles scan.FileID
}

func newOrphans(after time.Duration, next schedule, layout scan.Layout) *orphans {
	return &orphans{after: after, firstSeen: map[string]time.Time{}, next: next, layout: layout}
}

// Doubt returns an error when the profiles folder is not the directory of the first look, or
// holds no profile: the volume may not be mounted.
func (o *orphans) Doubt(list scan.Listing) error {
	if o.profiles == (scan.FileID{}) {
		o.profiles = list.ProfilesID
	}
	switch {
	case list.ProfilesID != o.profiles:
		return hint.Add(fmt.Errorf("%s is another directory than at the first look of this watch", o.layout.Folder()),
			"is the volume mounted? to remove them, restart slotgen watch or run slotgen reconcile --prune")
	case !list.HasProfile():
		return hint.Add(fmt.Errorf("%s holds no profile", o.layout.Folder()),
			"is the volume mounted? to remove them, run slotgen reconcile --prune")
	}
	return nil
}

// Confirm returns the orphans whose confirmation period is over. It schedules another look
// at the others.
func (o *orphans) Confirm(services []string) []string {
	maps.DeleteFunc(o.firstSeen, func(service string, _ time.Time) bool {
		return !slices.Contains(services, service)
	})
	var confirmed []string
	for _, service := range services {
		switch first, seen := o.firstSeen[service]; {
		case !seen:
			o.Reset(service)
		case time.Since(first) < o.after:
			o.lookAgain(service)
		default:
			confirmed = append(confirmed, service)
		}
	}
	return confirmed
}

// Reset restarts an orphan's confirmation period.
func (o *orphans) Reset(service string) {
	o.firstSeen[service] = time.Now()
	o.lookAgain(service)
}

// lookAgain schedules the next look at an orphan. The look needs no event: package notify may
// report no change for a profile that comes and goes within one burst.
func (o *orphans) lookAgain(service string) {
	at := time.Now().Add(min(o.after/looks, mostBetween))
	if end := o.firstSeen[service].Add(o.after); end.Before(at) {
		at = end
	}
	name, _ := o.layout.ProfileOf(service)
	o.next.add(at, name)
}
