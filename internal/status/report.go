// Package status reports on the slots in a scandir: which gateways are up, and which need the
// operator. It changes nothing.
package status

import (
	"fmt"
	"slices"
	"time"

	"slotgen/internal/asuser"
	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/internal/s6"
	"slotgen/scan"
)

// Options configure a report.
type Options struct {
	// Home is the volume's root. Scandir is the directory that s6-svscan scans. Both are
	// absolute paths.
	Home, Scandir string
	// Layout is the volume's layout.
	Layout scan.Layout
	// User is the volume's user.
	User asuser.User
	// Scan selects the gateways that start.
	Scan scan.Options
	// Programs answer the questions to s6.
	Programs s6.Programs
	// Proc is /proc. It shows the supervisors of removed slots.
	Proc string
	// Only limits the report to the profiles of these names. An empty list means all.
	Only []string
	// Tell gets the warnings.
	Tell func(message.Message)
}

// State is the state of a slot.
type State string

// The states of a slot.
const (
	Up           State = "up"
	Down         State = "down"
	Flapping     State = "flapping"     // died again and again within a minute
	Unsupervised State = "unsupervised" // no s6-supervise runs for it
	Stopping     State = "stopping"     // hidden, and still supervised
	Missing      State = "no slot"      // the profile has no slot, or its slot was removed
	Unknown      State = "?"            // only others may ask s6
)

// Row is the state of one slot, or of a profile that has none.
type Row struct {
	Profile, Service string
	State            State
	// For is the time since the gateway went up or down. Known reports whether s6 told it.
	For   time.Duration
	Known bool
	// PID is the number of the gateway's process, or 0.
	PID int
	// Exit says how the gateway ended, or is empty: "exit 3", "SIGKILL".
	Exit string
	// Unhealthy reports whether the gateway should be up and is not.
	Unhealthy bool
	// Notes say what an operator should know or do, the most important one first.
	Notes []string
	// Entry is the profile on the volume, or nil when the volume has none.
	Entry *scan.Entry
}

// Report is the state of a scandir.
type Report struct {
	// Home is the volume's root.
	Home string
	// Autostart is the policy in force, or empty when the volume can't be read.
	Autostart scan.Policy
	// Listens reports whether an s6-svscan listens on the scandir. It is nil when only root
	// may ask.
	Listens *bool
	// Rows are in this order: first what is unhealthy, then what has a note, then the others;
	// each in byte order.
	Rows []Row
}

// OK reports whether there is a slot, and every gateway that should be up is up. It also does
// when there is no slot because the policy leaves the gateways to another container.
func (r Report) OK() bool {
	if r.Autostart == scan.None && len(r.Rows) == 0 {
		return true
	}
	return r.HasSlots() && !slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Unhealthy })
}

// HasSlots reports whether the scandir has any slot.
func (r Report) HasSlots() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.State != Missing })
}

func rank(r Row) int {
	switch {
	case r.Unhealthy:
		return 0
	case len(r.Notes) > 0:
		return 1
	}
	return 2
}

// CheckOnly returns an error when a report has no row for one of the names.
func CheckOnly(r Report, only []string) error {
	var known []string
	for _, row := range r.Rows {
		known = append(known, row.Profile)
	}
	for _, name := range only {
		if !slices.Contains(known, name) {
			return hint.Add(fmt.Errorf("unknown profile %q: it has no slot, and is not on the volume", name), "slotgen status lists all slots")
		}
	}
	return nil
}
