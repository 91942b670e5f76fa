package e2e

import "time"

// The exit codes (docs/design.md, "Exit codes").
const (
	exitOK         = 0
	exitIncomplete = 1
	exitUsage      = 2
)

// confirmAfter is how long a watch lets an orphan be missing before it acts on it.
const confirmAfter = 2 * time.Second
