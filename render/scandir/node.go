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

// node is one file, directory or FIFO of a slot, as slotgen renders it or as it exists.
type node struct {
	path     string // relative to the slot; "" is the slot itself
	kind     uint32 // S_IFREG, S_IFDIR, S_IFIFO, or another type that exists
	mode     uint32 // permission bits with setuid, setgid and sticky
	uid, gid int
	data     []byte
	// optional is true for a directory that slotgen does not make, but that s6 may make.
	optional bool
}

// tree returns the nodes of a slot, sorted by path.
func tree(slot render.Slot, o Owners) []node {
	nodes := o.skeleton([]node{o.dir("")}, "")
	for _, f := range slot.Files {
		nodes = o.parents(nodes, f.Path)
		nodes = append(nodes, node{
			path: f.Path, kind: unix.S_IFREG, mode: uint32(f.Mode.Perm()),
			uid: o.selfUID, gid: o.selfGID, data: f.Data,
		})
	}
	slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.path, b.path) })
	return nodes
}

func (o Owners) dir(p string) node {
	return node{path: p, kind: unix.S_IFDIR, mode: 0o755, uid: o.selfUID, gid: o.selfGID}
}

// parents adds the directories above p that nodes does not hold yet.
func (o Owners) parents(nodes []node, p string) []node {
	dir := path.Dir(p)
	if dir == "." || slices.ContainsFunc(nodes, func(n node) bool { return n.path == dir }) {
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
	// Have is the published item and Want the rendered one. One of them may be nil.
	Have, Want *Item
}

// Item is one side of a difference.
type Item struct {
	// Kind is "file", "directory", "fifo" or "other".
	Kind     string
	Mode     uint32
	UID, GID int
	Data     []byte
}

func (n node) item() *Item {
	kinds := map[uint32]string{unix.S_IFREG: "file", unix.S_IFDIR: "directory", unix.S_IFIFO: "fifo"}
	return &Item{Kind: cmp.Or(kinds[n.kind], "other"), Mode: n.mode, UID: n.uid, GID: n.gid, Data: n.data}
}

// merged walks two lists of nodes side by side. Both are sorted by path. Where only one of
// them has a path, the other node is nil.
func merged(have, want []node) iter.Seq2[*node, *node] {
	return func(yield func(have, want *node) bool) {
		for len(have) > 0 || len(want) > 0 {
			var h, w *node
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
func compare(have, want []node) []Difference {
	var diffs []Difference
	for h, w := range merged(have, want) {
		if h == nil && (w.optional || insideSkeleton(w.path)) {
			continue
		}
		if diff := difference(h, w); diff != nil {
			diffs = append(diffs, *diff)
		}
	}
	return diffs
}

// difference returns the difference between two nodes of one path, or nil. One of the nodes
// may be nil.
func difference(have, want *node) *Difference {
	switch {
	case want == nil:
		return &Difference{Path: have.path, What: "removed", Have: have.item()}
	case have == nil:
		return &Difference{Path: want.path, What: "added", Want: want.item()}
	}
	if what := have.differs(*want); what != "" {
		return &Difference{Path: want.path, What: what, Have: have.item(), Want: want.item()}
	}
	return nil
}

func (n node) differs(want node) string {
	switch {
	case n.kind != want.kind:
		return "type"
	case n.mode != want.mode:
		return fmt.Sprintf("mode %04o, not %04o", n.mode, want.mode)
	case n.uid != want.uid || n.gid != want.gid:
		return fmt.Sprintf("owner %d:%d, not %d:%d", n.uid, n.gid, want.uid, want.gid)
	case !bytes.Equal(n.data, want.data):
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
		lines = append(lines, fmt.Sprintf("%04o %d:%d %s", n.mode, n.uid, n.gid, name))
	}
	return lines
}
