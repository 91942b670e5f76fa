// Package render turns a profile into its slot: a service directory held in
// memory, the same for every command that shows, compares or publishes it.
package render

import (
	"io/fs"
	"slices"
	"strings"
)

// Modes of the files in a slot. Scripts are executed by s6-supervise; the rest
// is read by it.
const (
	ScriptMode fs.FileMode = 0o755
	DataMode   fs.FileMode = 0o644
)

// DownFile keeps s6-supervise from starting the service by itself (s6,
// "service directory").
const DownFile = "down"

// File is one regular file of a slot.
type File struct {
	// Path is relative to the slot, with slashes: "run", "log/run".
	Path string
	// Mode is ScriptMode or DataMode.
	Mode fs.FileMode
	Data []byte
}

// Slot is one rendered service directory. It is not changed once made.
type Slot struct {
	// Service is the directory's name in the scandir, "gateway-NAME".
	Service string
	// Files is sorted by path. Directories follow from the paths.
	Files []File
}

// Weight is how many services s6-svscan counts for the slot: 1, and 1 more for
// its logger.
func (s Slot) Weight() int {
	if slices.ContainsFunc(s.Files, func(f File) bool { return strings.HasPrefix(f.Path, "log/") }) {
		return 2
	}
	return 1
}

// File returns the slot's file at path.
func (s Slot) File(path string) (File, bool) {
	i, found := slices.BinarySearchFunc(s.Files, path, func(f File, path string) int {
		return strings.Compare(f.Path, path)
	})
	if !found {
		return File{}, false
	}
	return s.Files[i], true
}

// addDown adds the down file at its place.
func (s *Slot) addDown() {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path > DownFile })
	if i < 0 {
		i = len(s.Files)
	}
	s.Files = slices.Insert(s.Files, i, File{Path: DownFile, Mode: DataMode, Data: []byte{}})
}
