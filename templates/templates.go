// Package templates holds the embedded templates: one for each file of a slot, under the
// file's path with ".tmpl" added.
package templates

import "embed"

// FS holds the other embedded files. The directory completion has the scripts for shells, and
// hook has the scripts that wire slotgen into an image.
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

// Slot returns the embedded templates by the paths of the files that they make. A template
// whose name begins with "_" makes no file and holds blocks for the others.
func Slot() map[string]string {
	return map[string]string{"run": run, "finish": finish, "type": slotType, "log/run": logRun, "_drop": drop}
}
