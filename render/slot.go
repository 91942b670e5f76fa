// Package render turns a profile into its slot, a service directory in memory. All commands
// that show, compare or publish a slot use the same one.
package render

import (
	"io/fs"
	"slices"
	"strings"
)

// Modes of the files in a slot. s6-supervise executes scripts and reads the other files.
const (
	ScriptMode fs.FileMode = 0o755
	DataMode   fs.FileMode = 0o644
)

// DownFile is the file that keeps s6-supervise from starting the service by itself
// (s6, "servicedir").
const DownFile = "down"

// TypeFile is the file that marks a slot as made by slotgen. Only s6-rc reads such a file, so no
// other service directory in a scandir needs it.
const TypeFile = "type"

// File is one regular file of a slot.
type File struct {
	// Path is relative to the slot, with slashes: "run", "log/run".
	Path string
	// Mode is ScriptMode or DataMode.
	Mode fs.FileMode
	Data []byte
}

// Slot is one rendered service directory. Its users do not change it.
type Slot struct {
	// Service is the directory's name in the scandir.
	Service string
	// Files is sorted by path. The paths imply the directories.
	Files []File
}

// Weight returns how many services s6-svscan counts for the slot: 1, and 1 more for its
// logger.
func (s Slot) Weight() int {
	if slices.ContainsFunc(s.Files, func(f File) bool { return strings.HasPrefix(f.Path, "log/") }) {
		return 2
	}
	return 1
}

// File returns the slot's file at path.
func (s Slot) File(path string) (File, bool) {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return s.Files[i], true
}

func compareFiles(a, b File) int { return strings.Compare(a.Path, b.Path) }
