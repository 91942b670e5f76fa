package scandir

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/render"
	"slotgen/scan"
)

// Effect says when a change of a live slot is in force: a pass never stops,
// starts or restarts a service.
type Effect string

// The effects. AtOnce is of a slot that is not live. AtNextStart is of files that
// were replaced in place; NeedsRestart is of a logger that would have to appear or
// vanish, which s6 takes up only with a new supervisor (s6, "Correct live update"), and
// of a directory and a file that would have to change places: of such a slot nothing is
// changed, but for a down file that it lacks.
const (
	AtOnce       Effect = ""
	AtNextStart  Effect = "at next start"
	NeedsRestart Effect = "needs restart"
)

// edit is one step of an update in place: a node to be made or mended, or a
// path to be removed.
type edit struct {
	node   node
	remove bool
	// found is true where the node's directory is there and only owner or mode
	// are to be mended.
	found bool
}

// planInPlace completes the plan for a slot whose directory must not move. Of
// what was found, only known files of a service directory are removed, and
// nothing in data/ or env/; supervise/ and event/ are left alone.
func (p *Plan) planInPlace(have []node) {
	if hasLogger(have) != hasLogger(p.want) || changePlaces(have, p.want) {
		p.Change, p.Effect = None, NeedsRestart
		p.holdDown(have)
		return
	}
	p.Differences = nil
	for h, w := range merged(have, p.want) {
		debris := w == nil && p.isDebris(h)
		e, ok := editFor(h, w)
		if !ok && !debris {
			continue
		}
		p.edits = append(p.edits, e)
		if !debris {
			p.Differences = append(p.Differences, *difference(h, w))
		}
	}
	slices.SortStableFunc(p.edits, func(a, b edit) int { return cmp.Compare(a.rank(), b.rank()) })
	if len(p.Differences) > 0 {
		p.Change, p.Effect = Updated, AtNextStart
	}
}

// holdDown has a slot that is left as it is get the down file that it lacks: one that
// has to stay down must not come up when s6-svscan first looks.
func (p *Plan) holdDown(have []node) {
	isDown := func(n node) bool { return n.path == render.DownFile }
	if i := slices.IndexFunc(p.want, isDown); i >= 0 && !slices.ContainsFunc(have, isDown) {
		p.edits = []edit{{node: p.want[i]}}
	}
}

func hasLogger(nodes []node) bool {
	return slices.ContainsFunc(nodes, func(n node) bool { return n.path == "log" && n.kind == unix.S_IFDIR })
}

// changePlaces tells whether a directory stands where a file has to, or a file where a
// directory has to. What is in that directory may be anybody's.
func changePlaces(have, want []node) bool {
	for h, w := range merged(have, want) {
		if h == nil || w == nil || (h.kind == unix.S_IFDIR) == (w.kind == unix.S_IFDIR) {
			continue
		}
		if _, edited := editFor(h, w); edited {
			return true
		}
	}
	return false
}

func editFor(have, want *node) (edit, bool) {
	switch {
	case want == nil:
		return edit{node: *have, remove: true}, have.kind != unix.S_IFDIR && render.IsServiceFile(have.path)
	case want.optional, isSkeleton(want.path), insideSkeleton(want.path):
		return edit{}, false
	case have == nil:
		return edit{node: *want}, true
	}
	return edit{node: *want, found: have.kind == want.kind}, have.differs(*want) != ""
}

// rank orders the steps: a down file is written first and removed last, so that
// at no instant a service that has to stay down could come up.
func (e edit) rank() int {
	switch {
	case e.node.path != render.DownFile:
		return 1
	case e.remove:
		return 2
	}
	return 0
}

// isDebris tells whether n is a file that was not renamed yet when a pass was
// killed: one of a name that is wanted in its directory, or that s6 knows.
func (p *Plan) isDebris(n *node) bool {
	dir, base := path.Split(n.path)
	if n.kind != unix.S_IFREG || !strings.HasPrefix(base, ".") {
		return false
	}
	known := strings.TrimRight(base, "0123456789")[1:]
	return render.IsServiceFile(dir+known) && render.IsDebrisOf(base, known) ||
		slices.ContainsFunc(p.want, func(w node) bool {
			wantDir, want := path.Split(w.path)
			return wantDir == dir && render.IsDebrisOf(base, want)
		})
}

// update carries out the steps of a plan in place, each whole or not at all.
func (d *Dir) update(p Plan) error {
	if len(p.edits) == 0 {
		return nil
	}
	root, err := d.root.OpenRoot(p.service)
	if err != nil {
		return scan.Bare(err)
	}
	defer root.Close()
	fd, err := fdio.Open(d.fd, p.service, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	s := stager{root: root, fd: fd}
	defer s.close()
	for _, e := range p.edits {
		if err := s.apply(e); err != nil {
			return fmt.Errorf("updating %q: %w", e.node.path, chownHint(scan.Bare(err)))
		}
	}
	return nil
}

// HoldDown gives the slot of a service the down file that it lacks, where it stands.
// It is for a service that has to stay down, before s6-svscan looks at the scandir: one
// that has its supervisor is left as it is.
func (d *Dir) HoldDown(service string, o Owners) error {
	slot := d.Entry(service)
	exists, err := slot.IsDir()
	if !exists || err != nil {
		return err
	}
	if down, err := slot.IsDown(); down || err != nil {
		return err
	}
	if held, err := d.held(service); held || err != nil {
		return err
	}
	file := node{path: render.DownFile, kind: unix.S_IFREG, mode: uint32(render.DataMode), uid: o.selfUID, gid: o.selfGID}
	return d.update(Plan{service: service, edits: []edit{{node: file}}})
}

func (s *stager) apply(e edit) error {
	switch {
	case e.remove:
		return ignoreMissing(unix.Unlinkat(s.fd, e.node.path, 0))
	case e.node.kind != unix.S_IFDIR:
		return s.write(e.node)
	case !e.found:
		if err := unix.Mkdirat(s.fd, e.node.path, 0o700); err != nil {
			return err
		}
	}
	return s.settle(e.node)
}
