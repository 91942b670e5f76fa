// Package templates holds the embedded template tree: one file for each file of
// a slot, its path with ".tmpl" added.
package templates

import "embed"

// FS holds what is no slot's: below completion are scripts for shells, below hook
// those that wire slotgen into an image.
//
//go:embed completion hook
var FS embed.FS

// ManPage is the man page in roff, as slotgen man prints it.
//
//go:embed slotgen.8
var ManPage []byte

//go:embed run.tmpl
var run string

//go:embed finish.tmpl
var finish string

//go:embed type.tmpl
var slotType string

//go:embed log/run.tmpl
var logRun string

//go:embed _drop.tmpl
var drop string

// Slot returns the templates that slotgen renders where no override stands in front
// of them, by the path of the file that each makes. One whose name begins with "_"
// makes none and holds blocks for the others.
func Slot() map[string]string {
	return map[string]string{"run": run, "finish": finish, "type": slotType, "log/run": logRun, "_drop": drop}
}
