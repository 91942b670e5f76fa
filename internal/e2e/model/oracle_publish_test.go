package model

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// publish adds the outcome of one profile to the expectation.
func (x situation) publish(e *expectation, r *row, hasNoRoom bool) {
	service := r.service()
	kind := x.kindIn(e.scandir, service)
	if hasNoRoom {
		r.fail("no room for this one")
		if e.scandir.isSlot(service) {
			e.remove(service)
		}
		return
	}
	want, ok := x.slot(*r)
	r.live = kind == aDirectory && x.isLive(service)
	switch {
	case !ok:
		r.live = false
		x.holdDown(e, *r)
		r.fail("template ")
		return
	case kind == "":
		r.change = created
		e.scandir.put(service, want.tree)
	case kind != aDirectory:
		r.fail("")
		return
	case !e.scandir.isSlot(service):
		r.live = false
		r.fail("slotgen did not make it")
		return
	default:
		x.compare(e, r, want)
	}
	if !r.live {
		e.stale = append(e.stale, x.staleFiles(r.dir)...)
	}
}

func (x situation) kindIn(t tree, name string) string { return t[name].kind }

// holdDown gives a slot whose profile fails the down file that it lacks.
func (x situation) holdDown(e *expectation, r row) {
	p := r.service() + "/down"
	if !e.scandir.isSlot(r.service()) || r.action == started || e.scandir.holds(p) {
		return
	}
	delete(e.kept, r.service())
	e.scandir[p] = x.file("down", "")
	// A pass without --rescan, or with a live slot, does not write it.
	if !x.rescan || x.isLive(r.service()) {
		e.optionalDown[p] = true
	}
}

// compare adds the outcome of a profile whose slot exists.
func (x situation) compare(e *expectation, r *row, want slot) {
	service := r.service()
	have := e.scandir.below(service)
	differs := want.differs(have)
	switch {
	case len(differs) == 0:
		r.change = unchanged
	case !r.live:
		r.change = updated
		delete(e.kept, service)
		e.scandir.put(service, want.tree)
	case (have["log"].kind == aDirectory) != want.holds("log"):
		r.effect = "needs restart"
		if want.holds("down") && !have.holds("down") {
			delete(e.kept, service)
			e.scandir[service+"/down"] = want.tree["down"]
		}
	default:
		after, changed := inPlace(have, want, differs)
		r.change = unchanged
		if changed {
			r.change, r.effect = updated, "at next start"
		}
		if len(after.changes(have, otherContent)) > 0 {
			delete(e.kept, service)
			e.scandir.put(service, after)
		}
	}
}

// serviceFiles are the files that s6 reads in a service directory.
var serviceFiles = []string{
	"run", "finish", "type", "down", "notification-fd", "lock-fd", "timeout-kill", "timeout-finish",
	"max-death-tally", "down-signal", "reload-signal", "flag-newpidns", "flag-timeout-killpg",
}

// unfinished matches a file that a killed pass did not rename yet.
var unfinished = regexp.MustCompile(`^\.([a-z-]+)[0-9]{10,}$`)

// inPlace updates a live slot file by file.
func inPlace(have tree, want slot, differs map[string]bool) (after tree, changed bool) {
	after = maps.Clone(have)
	for p := range differs {
		n, wanted := want.tree[p]
		leftover := unfinished.FindStringSubmatch(path.Base(p))
		switch {
		case isSkeleton(p):
		case wanted:
			after[p], changed = n, true
		case have[p].kind == aDirectory:
		case slices.Contains(serviceFiles, strings.TrimPrefix(p, "log/")):
			delete(after, p)
			changed = true
		case leftover != nil && slices.Contains(serviceFiles, leftover[1]):
			delete(after, p)
		}
	}
	return after, changed
}

// staleFiles returns the files that a dead container left in a profile's directory.
func (x situation) staleFiles(dir string) []string {
	var stale []string
	dir, _ = x.home.resolve(dir)
	for _, name := range []string{"gateway.pid", "processes.json"} {
		p := path.Join(dir, name)
		if n, found := x.home[p]; found && n.kind != aDirectory {
			stale = append(stale, p)
		}
	}
	return stale
}

// overCapacity returns the profiles for which s6-svscan has no room. Slots that can't be moved
// count first, then those that start, then the others.
func (x situation) overCapacity(rows []row, counted tree) map[string]bool {
	room, isRow := x.maxServices, map[string]bool{}
	var starts, waits []row
	for _, r := range rows {
		if !isName(r.name) || r.action == ignored || r.action == skipped {
			continue
		}
		service := r.service()
		isRow[service] = true
		switch {
		case counted.holds(service) && (!counted.isSlot(service) || x.isLive(service) || r.leftOut), !x.hasSlot(r):
			room -= counted.weight(service)
		case r.action == started:
			starts = append(starts, r)
		default:
			waits = append(waits, r)
		}
	}
	for _, name := range counted.names("") {
		if !isRow[name] && (!strings.HasPrefix(name, ".") || isHidden(name)) {
			room -= counted.weight(name)
		}
	}
	out := map[string]bool{}
	for _, r := range append(starts, waits...) {
		want, _ := x.slot(r)
		if weight := want.weight(""); weight <= room {
			room -= weight
		} else {
			out[r.name] = true
		}
	}
	return out
}

// isHidden reports whether a name belongs to a hidden slot.
func isHidden(name string) bool {
	return strings.HasPrefix(name, ".gateway-") && strings.HasSuffix(name, ".old")
}

// isSlot reports whether a name is a slot: a directory with a regular file called type.
func (t tree) isSlot(name string) bool {
	return t[name].kind == aDirectory && t[name+"/type"].kind == aFile
}

// hasSlot reports whether a profile has a slot that can be published.
func (x situation) hasSlot(r row) bool {
	if r.action == failed {
		return false
	}
	_, ok := x.slot(r)
	return ok
}

// weight returns how many services s6-svscan supervises for a name.
func (t tree) weight(name string) int {
	switch {
	case t.kindAt(name) != aDirectory:
		return 0
	case t.kindAt(path.Join(name, "log")) == aDirectory:
		return 2
	}
	return 1
}
