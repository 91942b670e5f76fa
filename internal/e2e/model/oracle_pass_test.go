package model

import (
	"maps"
	"slices"
	"strings"
)

// situation is all that a pass depends on.
type situation struct {
	settings
	isRoot   bool
	homePath string
	// home and scandir are what is on disk before the pass.
	home, scandir tree
	// held are the directories in the scandir whose supervisors run.
	held map[string]bool
	// listens is set where an s6-svscan listens.
	listens bool
	// explains is set for scan, which tells of ignored entries, too.
	explains bool
	// old are the names in the scandir that are older than a minute.
	old map[string]bool
	// embedded returns the files of a slot without overrides.
	embedded func(profile string) map[string]string
}

// expectation is what a pass has to come to.
type expectation struct {
	// skips is the word that makes this a container without gateways, or "".
	skips string
	// refuses is set where --profile names what is no profile: nothing is touched.
	refuses bool
	rows    []row // also of ignored entries
	// scandir is what is there afterwards. Not looked at is what is inside skeletons
	// of slots that are not replaced, and the text of the lock.
	scandir tree
	// kept are the names in the scandir at and below which nothing is written.
	kept map[string]bool
	// eitherDown are down files that may be there.
	eitherDown map[string]bool
	// cleared are the names that had to end before they could be removed.
	cleared []string
	// cannotList is set where profiles/ cannot be read.
	cannotList bool
	// stale are the files on the volume that are removed.
	stale []string
}

// expect returns what a pass comes to. A dry run clears and prunes nothing.
func (x situation) expect(dryRun bool) expectation {
	e := expectation{
		skips: x.noGateways(), scandir: maps.Clone(x.scandir),
		kept: map[string]bool{}, eitherDown: map[string]bool{},
	}
	for _, name := range x.scandir.names("") {
		e.kept[name] = true
	}
	if e.skips != "" {
		return e
	}
	e.rows, e.cannotList = x.plan(), x.cannotList()
	if e.refuses = slices.ContainsFunc(x.only, func(name string) bool { return !x.isChoice(e.rows, name) }); e.refuses {
		e.rows = nil
		return e
	}
	if x.policy() == "none" {
		return e
	}
	if !x.scandir.holds("") {
		e.scandir[""] = x.directory()
	}
	e.scandir[".slotgen.lock"] = node{kind: aFile, mode: 0o600, uid: x.selfUID, gid: x.selfGID}
	delete(e.kept, ".slotgen.lock")
	crowd := maps.Clone(x.scandir)
	x.clear(&e, crowd, dryRun)
	x.prune(&e, crowd)
	crowdedOut := x.crowdedOut(e.rows, crowd)
	for i := range e.rows {
		if r := &e.rows[i]; r.isProfile() && !r.leftOut {
			x.publish(&e, r, crowdedOut[r.name])
		}
	}
	return e
}

// isChoice reports whether --profile may name a profile: one that is, or with --prune
// one whose slot is left.
func (x situation) isChoice(rows []row, name string) bool {
	r, found := find(rows, name)
	if !found {
		service := "gateway-" + name
		return x.settings.prune && isName(name) &&
			(x.scandir[service].kind == aDirectory || x.scandir["."+service+".old"].kind == aDirectory)
	}
	return r.action != ignored || x.explains
}

// remove has the pass remove a name in the scandir.
func (e *expectation) remove(name string) {
	e.scandir.put(name, nil)
	delete(e.kept, name)
}

// clear removes what killed passes left. Crowd is what is left of the scandir then, and
// also in a dry run.
func (x situation) clear(e *expectation, crowd tree, dryRun bool) {
	for _, name := range x.scandir.names("") {
		switch {
		case isHidden(name):
			x.clearHidden(e, crowd, name, strings.TrimPrefix(strings.TrimSuffix(name, ".old"), "."))
		case strings.HasPrefix(name, ".gateway-") && strings.HasSuffix(name, ".new"):
			e.remove(name)
		case strings.HasPrefix(name, ".gateway-") && strings.HasSuffix(name, ".tmp"):
			if x.old[name] {
				e.remove(name)
			}
		case strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp"):
			crowd.put(name, nil)
			e.cleared = append(e.cleared, name)
			e.remove(name)
		}
	}
	if dryRun {
		e.scandir = maps.Clone(x.scandir)
	}
}

// clearHidden gives a hidden slot its name back, or removes it. It stays hidden where
// nobody knows whether it has a profile, and where no slot would be made instead.
func (x situation) clearHidden(e *expectation, crowd tree, name, service string) {
	if e.cannotList {
		return
	}
	r, found := find(e.rows, strings.TrimPrefix(service, "gateway-"))
	found = found && r.action != ignored && isName(r.name)
	switch {
	case found && !e.scandir.holds(service) && !x.listens:
		e.scandir.put(service, e.scandir.below(name))
		crowd.put(service, x.scandir.below(name))
	case found && r.leftOut:
		return
	default:
		e.cleared = append(e.cleared, name)
	}
	crowd.put(name, nil)
	e.remove(name)
}

// orphans returns the slots whose profiles do not exist.
func (x situation) orphans() []string {
	var orphans []string
	names := x.entries()
	for _, service := range x.scandir.names("") {
		name, found := strings.CutPrefix(service, "gateway-")
		isOrphan := found && isName(name) && name != "default" && !slices.Contains(names, name) &&
			x.scandir[service].kind == aDirectory && x.home.kindAt("profiles") == aDirectory &&
			(len(x.only) == 0 || slices.Contains(x.only, name))
		if isOrphan {
			orphans = append(orphans, service)
		}
	}
	return orphans
}

// prune removes the slots whose profiles do not exist.
func (x situation) prune(e *expectation, crowd tree) {
	if !x.settings.prune {
		return
	}
	for _, service := range x.orphans() {
		crowd.put(service, nil)
		e.remove(service)
		e.cleared = append(e.cleared, service)
	}
}

// isLive reports whether the slot is live.
func (x situation) isLive(service string) bool {
	return x.listens || x.held[service] || x.held[service+"/log"]
}

// code returns the exit code of a pass.
func (e expectation) code() int {
	switch {
	case e.refuses && !e.cannotList: // who cannot list them cannot tell that one is unknown
		return 2
	case e.cannotList, slices.ContainsFunc(e.rows, func(r row) bool { return r.action == failed && !r.leftOut }):
		return 1
	}
	return 0
}
