package cli

import (
	"slices"
	"time"

	"slotgen/internal/status"
)

// statusDocument is the JSON form of a report.
type statusDocument struct {
	SchemaVersion int    `json:"schemaVersion"`
	Home          string `json:"home"`
	Scandir       string `json:"scandir"`
	// Listens is null when only root may ask for an s6-svscan.
	Listens  *bool         `json:"listens"`
	Healthy  bool          `json:"healthy"`
	Profiles []rowDocument `json:"profiles"`
}

type rowDocument struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	State   string `json:"state"`
	// Seconds is the time since the gateway went up or down, or null.
	Seconds *int `json:"seconds"`
	// PID is null when no process runs.
	PID     *int     `json:"pid"`
	Exit    string   `json:"exit"`
	Healthy bool     `json:"healthy"`
	Notes   []string `json:"notes"`
}

func newStatusDocument(report status.Report, scandir string) statusDocument {
	doc := statusDocument{
		SchemaVersion: 1, Home: report.Home, Scandir: scandir, Listens: report.Listens, Healthy: report.OK(),
		Profiles: make([]rowDocument, 0, len(report.Rows)),
	}
	for _, row := range report.Rows {
		d := rowDocument{
			Name: row.Profile, Service: row.Service, State: string(row.State), Exit: row.Exit, Healthy: !row.Unhealthy,
			Notes: slices.Concat([]string{}, row.Notes),
		}
		if row.Known {
			seconds := int(row.For / time.Second)
			d.Seconds = &seconds
		}
		if row.PID != 0 {
			d.PID = &row.PID
		}
		doc.Profiles = append(doc.Profiles, d)
	}
	return doc
}
