package status

import (
	"maps"
	"slices"
)

// strayRows returns a row for each service that still runs in a removed slot and has no other row.
func (r *reader) strayRows(rows []Row) []Row {
	var more []Row
	for _, service := range slices.Sorted(maps.Keys(r.strays)) {
		profile, isSlot := r.Layout.ProfileOf(service)
		hasRow := slices.ContainsFunc(rows, func(row Row) bool { return row.Profile == profile })
		if isSlot && !hasRow && r.chosen(profile) {
			more = append(more, Row{Profile: profile, State: Missing})
		}
	}
	return more
}

// noteStray adds a note when a service of that name still runs in a removed slot.
func (r *reader) noteStray(row *Row) (found bool) {
	pid, found := r.strays[r.Layout.Service(row.Profile)]
	if found {
		row.note("process %d still runs it in a slot that was removed: %s", pid, r.dir.EndStrays())
	}
	return found
}
