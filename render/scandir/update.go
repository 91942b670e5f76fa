package scandir

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/render"
	"slotgen/scan"
)

// Effect says when a change of a live slot takes effect: a pass never stops, starts or
// restarts a service.
type Effect string

// The effects. AtOnce is for a slot that is not live. AtNextStart is for a live slot whose
// files were replaced one by one.
//
// NeedsRestart is for a live slot where a logger has to appear or vanish, or where a directory
// and a file have to change places. s6 needs a new supervisor for such a logger
// (s6, "s6-svscan"). A pass changes nothing in such a slot, but adds a missing down file.
const (
	AtOnce       Effect = ""
	AtNextStart  Effect = "at next start"
	NeedsRestart Effect = "needs restart"
)

// edit is one step of an update in place. It makes or changes a node, or removes a file.
type edit struct {
	node   Node
	remove bool
	// exists is true where a node of this kind exists. A directory then only gets its owner
	// and mode.
	exists bool
}

// planInPlace completes the plan for a slot whose directory must not move. The plan removes
// only known files of a service directory, and nothing in data/ or env/. It leaves
// supervise/ and event/ alone.
func (p *Plan) planInPlace(have []Node) {
	needsRestart := hasLogger(have) != hasLogger(p.want)
	var diffs []Difference
	for h, w := range merged(have, p.want) {
		temp := w == nil && p.isTempFile(h)
		e, ok := editFor(h, w)
		if !ok && !temp {
			continue
		}
		// A directory in the place of a file may hold the files of somebody else.
		if h != nil && w != nil && (h.kind == unix.S_IFDIR) != (w.kind == unix.S_IFDIR) {
			needsRestart = true
		}
		p.edits = append(p.edits, e)
		if !temp {
			diffs = append(diffs, Difference{cmp.Or(h, w).path, differs(h, w), h, w})
		}
	}
	if needsRestart {
		p.Change, p.Effect = None, NeedsRestart
		p.planDownFile(have)
		return
	}
	p.Differences = diffs
	slices.SortStableFunc(p.edits, func(a, b edit) int { return cmp.Compare(a.rank(), b.rank()) })
	if len(diffs) > 0 {
		p.Change, p.Effect = Updated, AtNextStart
	}
}

// planDownFile plans only the down file, where it is missing. A service that has to stay
// down must not start when s6-svscan first looks at the slot.
func (p *Plan) planDownFile(have []Node) {
	p.edits = nil
	isDown := func(n Node) bool { return n.path == render.DownFile }
	if i := slices.IndexFunc(p.want, isDown); i >= 0 && !slices.ContainsFunc(have, isDown) {
		p.edits = []edit{{node: p.want[i]}}
	}
}

func hasLogger(nodes []Node) bool {
	return slices.ContainsFunc(nodes, func(n Node) bool { return n.path == "log" && n.kind == unix.S_IFDIR })
}

func editFor(have, want *Node) (edit, bool) {
	switch {
	case want == nil:
		return edit{node: *have, remove: true}, have.kind != unix.S_IFDIR && render.IsServiceFile(have.path)
	case want.optional, isSkeleton(want.path), insideSkeleton(want.path):
		return edit{}, false
	}
	return edit{node: *want, exists: have != nil && have.kind == want.kind}, differs(have, want) != ""
}

// rank returns the place of a step in the order. A down file is written first and removed
// last: a service that has to stay down never starts in between.
func (e edit) rank() int {
	switch {
	case e.node.path != render.DownFile:
		return 1
	case e.remove:
		return 2
	}
	return 0
}

// isTempFile reports whether n is a temporary file that a killed pass left. The file's final
// name is wanted in its directory, or belongs to a service file.
func (p *Plan) isTempFile(n *Node) bool {
	dir, base := path.Split(n.path)
	if n.kind != unix.S_IFREG || !strings.HasPrefix(base, ".") {
		return false
	}
	known := strings.TrimRight(base, "0123456789")[1:]
	return render.IsServiceFile(dir+known) && render.IsTempFileOf(base, known) ||
		slices.ContainsFunc(p.want, func(w Node) bool {
			wantDir, want := path.Split(w.path)
			return wantDir == dir && render.IsTempFileOf(base, want)
		})
}

// update carries out the steps of a plan in place. Each step is atomic.
func (d *Dir) update(p Plan) error {
	if len(p.edits) == 0 {
		return nil
	}
	s, err := d.openStager(p.service)
	if err != nil {
		return err
	}
	defer s.close()
	for _, e := range p.edits {
		if err := s.apply(e); err != nil {
			return fmt.Errorf("updating %q: %w", e.node.path, chownHint(scan.Bare(err)))
		}
	}
	return nil
}

// errImmovable is the error of a slot whose directory can't be renamed.
var errImmovable = fmt.Errorf("the directory can't be renamed: %w", unix.EXDEV)

// replaceInPlace updates a slot that has no supervisor and whose directory can't be renamed: it is
// in the lower layer of an overlay. Each file is whole at any time, the slot as a whole is not.
func (d *Dir) replaceInPlace(p Plan) error {
	fd, err := fdio.Open(d.fd, p.service, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	have, err := readSlot(fd)
	if err != nil {
		return err
	}
	p.planInPlace(have)
	if p.Effect == NeedsRestart {
		return hint.Add(errImmovable, "it is in the lower layer of an overlay: remove it first")
	}
	return d.update(p)
}

// HoldDown adds a missing down file to the slot of a service that has to stay down. It
// leaves a slot alone that has a supervisor, and reports whether it added the file. Its caller
// calls it before s6-svscan scans the scandir.
func (d *Dir) HoldDown(service string, o Owners) (added bool, err error) {
	isSlot, err := d.IsSlot(service)
	if !isSlot || err != nil {
		return false, err
	}
	if down, err := d.IsDown(service); down || err != nil {
		return false, err
	}
	if held, err := d.Held(service); held || err != nil {
		return false, err
	}
	file := Node{path: render.DownFile, kind: unix.S_IFREG, Mode: uint32(render.DataMode), UID: o.selfUID, GID: o.selfGID}
	err = d.update(Plan{service: service, edits: []edit{{node: file}}})
	return err == nil, err
}

func (s *stager) apply(e edit) error {
	switch {
	case e.remove:
		return ignoreMissing(fdio.Remove(s.fd, e.node.path))
	case e.node.kind != unix.S_IFDIR:
		return s.write(e.node)
	case !e.exists:
		if err := fdio.Mkdir(s.fd, e.node.path, 0o700); err != nil {
			return err
		}
	}
	return s.setOwnerAndMode(e.node)
}
