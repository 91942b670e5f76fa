package scandir

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/render"
)

// Node is one file, directory or FIFO of a slot, as slotgen renders it or as it exists.
type Node struct {
	path     string // relative to the slot; "" is the slot itself
	kind     uint32 // S_IFREG, S_IFDIR, S_IFIFO, or another type that exists
	Mode     uint32 // permission bits with setuid, setgid and sticky
	UID, GID int
	Data     []byte
	// optional is true for a directory that slotgen does not make, but that s6 may make.
	optional bool
}

// Kind returns "file", "directory", "fifo" or "other".
func (n Node) Kind() string {
	kinds := map[uint32]string{unix.S_IFREG: "file", unix.S_IFDIR: "directory", unix.S_IFIFO: "fifo"}
	return cmp.Or(kinds[n.kind], "other")
}

// tree returns the nodes of a slot, sorted by path.
func tree(slot render.Slot, o Owners) []Node {
	nodes := o.skeleton([]Node{o.dir("")}, "")
	for _, f := range slot.Files {
		nodes = o.parents(nodes, f.Path)
		nodes = append(nodes, Node{
			path: f.Path, kind: unix.S_IFREG, Mode: uint32(f.Mode.Perm()),
			UID: o.selfUID, GID: o.selfGID, Data: f.Data,
		})
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.path, b.path) })
	return nodes
}

func (o Owners) dir(p string) Node {
	return Node{path: p, kind: unix.S_IFDIR, Mode: 0o755, UID: o.selfUID, GID: o.selfGID}
}

// parents adds the directories above p that nodes does not hold yet.
func (o Owners) parents(nodes []Node, p string) []Node {
	dir := path.Dir(p)
	if dir == "." || slices.ContainsFunc(nodes, func(n Node) bool { return n.path == dir }) {
		return nodes
	}
	nodes = append(o.parents(nodes, dir), o.dir(dir))
	if dir == "log" {
		nodes = o.skeleton(nodes, "log/")
	}
	return nodes
}

// Difference is one difference between a published slot and the rendered one.
type Difference struct {
	// Path is relative to the slot; "" is the slot's directory.
	Path string
	// What describes the difference: "added", "removed", "content", "mode 0644, not 0755".
	What string
	// Have is the published node and Want the rendered one. One of them may be nil.
	Have, Want *Node
}

// merged walks two lists of nodes side by side. Both are sorted by path. Where only one of
// them has a path, the other node is nil.
func merged(have, want []Node) iter.Seq2[*Node, *Node] {
	return func(yield func(have, want *Node) bool) {
		for len(have) > 0 || len(want) > 0 {
			var h, w *Node
			switch {
			case len(want) == 0 || len(have) > 0 && have[0].path < want[0].path:
				h, have = &have[0], have[1:]
			case len(have) == 0 || want[0].path < have[0].path:
				w, want = &want[0], want[1:]
			default:
				h, have, w, want = &have[0], have[1:], &want[0], want[1:]
			}
			if !yield(h, w) {
				return
			}
		}
	}
}

// compare lists the differences between the published nodes and the wanted ones. It skips
// the contents of supervise/ and event/, which belong to s6.
func compare(have, want []Node) []Difference {
	var diffs []Difference
	for h, w := range merged(have, want) {
		if h == nil && (w.optional || insideSkeleton(w.path)) {
			continue
		}
		if what := differs(h, w); what != "" {
			diffs = append(diffs, Difference{cmp.Or(h, w).path, what, h, w})
		}
	}
	return diffs
}

// differs describes the difference between two nodes of one path, or returns "". One of the
// nodes may be nil.
func differs(have, want *Node) string {
	switch {
	case want == nil:
		return "removed"
	case have == nil:
		return "added"
	case have.kind != want.kind:
		return "type"
	case have.Mode != want.Mode:
		return fmt.Sprintf("mode %04o, not %04o", have.Mode, want.Mode)
	case have.UID != want.UID || have.GID != want.GID:
		return fmt.Sprintf("owner %d:%d, not %d:%d", have.UID, have.GID, want.UID, want.GID)
	case !bytes.Equal(have.Data, want.Data):
		return "content"
	}
	return ""
}

// isSkeleton reports whether p is a directory that s6-supervise uses for itself.
func isSkeleton(p string) bool {
	return slices.Contains([]string{"supervise", "event", "log/supervise", "log/event"}, p)
}

func insideSkeleton(p string) bool { return isSkeleton(path.Dir(p)) }

// Manifest lists the files that Publish makes for a slot, as "MODE UID:GID PATH". The path
// of a directory ends in a slash, and the path of a FIFO in a bar.
func Manifest(slot render.Slot, o Owners) []string {
	var lines []string
	for _, n := range tree(slot, o) {
		if n.optional {
			continue
		}
		name := n.path
		switch n.kind {
		case unix.S_IFDIR:
			name += "/"
		case unix.S_IFIFO:
			name += "|"
		}
		lines = append(lines, fmt.Sprintf("%04o %d:%d %s", n.Mode, n.UID, n.GID, name))
	}
	return lines
}
