package model

import (
	"maps"
	"slices"
	"strings"
)

// situation is everything that a pass depends on.
type situation struct {
	settings
	isRoot   bool
	homePath string
	// home and scandir are the files on disk before the pass.
	home, scandir tree
	// held holds the directories in the scandir whose supervisors run.
	held map[string]bool
	// listens is set when an s6-svscan listens.
	listens bool
	// showsIgnored is set for scan, which also lists ignored entries.
	showsIgnored bool
	// old holds the names in the scandir that are older than a minute.
	old map[string]bool
	// embedded returns the files of a slot without overrides.
	embedded func(profile string) map[string]string
}

// expectation is the expected result of a pass.
type expectation struct {
	// skips is the command word of a container without gateways, or "".
	skips string
	// refuses is set when --profile names no existing profile. Then the pass touches nothing.
	refuses bool
	rows    []row // with ignored entries
	// scandir is the scandir after the pass. The test ignores the files in supervise/ and event/ of
	// slots that the pass does not replace, and the text of the lock.
	scandir tree
	// kept holds the names in the scandir at and below which the pass writes nothing.
	kept map[string]bool
	// optionalDown holds the down files that may exist or not.
	optionalDown map[string]bool
	// cleared holds the names that the pass has to end before it removes them.
	cleared []string
	// cannotList is set when the pass can't read profiles/.
	cannotList bool
	// stale holds the files on the volume that the pass removes.
	stale []string
}

// expect returns the expected result of a pass. A dry run clears and prunes nothing.
func (x situation) expect(dryRun bool) expectation {
	e := expectation{
		skips: x.noGateways(), scandir: maps.Clone(x.scandir),
		kept: map[string]bool{}, optionalDown: map[string]bool{},
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
	counted := maps.Clone(x.scandir)
	x.clear(&e, counted, dryRun)
	x.prune(&e, counted)
	overCapacity := x.overCapacity(e.rows, counted)
	for i := range e.rows {
		if r := &e.rows[i]; r.isProfile() && !r.leftOut {
			x.publish(&e, r, overCapacity[r.name])
		}
	}
	return e
}

// isChoice reports whether --profile may name a profile: it exists, or its slot does for scan and with
// --prune.
func (x situation) isChoice(rows []row, name string) bool {
	r, found := find(rows, name)
	if !found {
		service := "gateway-" + name
		return (x.settings.prune || x.showsIgnored) && isName(name) &&
			(x.scandir.isSlot(service) || x.scandir["."+service+".old"].kind == aDirectory)
	}
	return r.action != ignored || x.showsIgnored
}

// remove removes a name from the expected scandir.
func (e *expectation) remove(name string) {
	e.scandir.put(name, nil)
	delete(e.kept, name)
}

// clear removes the leftovers of killed passes. counted holds the names that count as services
// then. It loses the leftovers even in a dry run.
func (x situation) clear(e *expectation, counted tree, dryRun bool) {
	for _, name := range x.scandir.names("") {
		switch {
		case isHidden(name):
			x.clearHidden(e, counted, name, strings.TrimPrefix(strings.TrimSuffix(name, ".old"), "."))
		case strings.HasPrefix(name, ".gateway-") && strings.HasSuffix(name, ".new"):
			e.remove(name)
		case strings.HasPrefix(name, ".gateway-") && strings.HasSuffix(name, ".tmp"):
			if x.old[name] {
				e.remove(name)
			}
		case strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp"):
			counted.put(name, nil)
			e.cleared = append(e.cleared, name)
			e.remove(name)
		}
	}
	if dryRun {
		e.scandir = maps.Clone(x.scandir)
	}
}

// clearHidden gives a hidden slot its name back or removes it. The slot stays hidden when the pass
// can't list the profiles, or when it makes no slot instead.
func (x situation) clearHidden(e *expectation, counted tree, name, service string) {
	if e.cannotList {
		return
	}
	r, found := find(e.rows, strings.TrimPrefix(service, "gateway-"))
	found = found && r.action != ignored && isName(r.name)
	switch {
	case found && !e.scandir.holds(service) && !x.listens && x.scandir.isSlot(name):
		e.scandir.put(service, e.scandir.below(name))
		counted.put(service, x.scandir.below(name))
	case found && r.leftOut:
		return
	default:
		e.cleared = append(e.cleared, name)
	}
	counted.put(name, nil)
	e.remove(name)
}

// orphans returns the slots whose profiles do not exist.
func (x situation) orphans() []string {
	var orphans []string
	names := x.entries()
	for _, service := range x.scandir.names("") {
		name, found := strings.CutPrefix(service, "gateway-")
		isOrphan := found && isName(name) && name != "default" && !slices.Contains(names, name) &&
			x.scandir.isSlot(service) && x.home.kindAt("profiles") == aDirectory &&
			(len(x.only) == 0 || slices.Contains(x.only, name))
		if isOrphan {
			orphans = append(orphans, service)
		}
	}
	return orphans
}

// orphanRows returns the rows in which scan shows the orphans. It shows none when the policy
// leaves the gateways to another container.
func (x situation) orphanRows() []row {
	var rows []row
	if x.policy() == "none" {
		return nil
	}
	for _, service := range x.orphans() {
		rows = append(rows, row{name: strings.TrimPrefix(service, "gateway-"), exit: "unknown", action: "orphan", change: none, live: x.isLive(service)})
	}
	return rows
}

// prune removes the orphans.
func (x situation) prune(e *expectation, counted tree) {
	if !x.settings.prune {
		return
	}
	for _, service := range x.orphans() {
		counted.put(service, nil)
		e.remove(service)
		e.cleared = append(e.cleared, service)
	}
}

// isLive reports whether the slot is live.
func (x situation) isLive(service string) bool {
	return x.listens || x.held[service] || x.held[service+"/log"]
}

// code returns the expected exit code of a pass.
func (e expectation) code() int {
	switch {
	case e.refuses && !e.cannotList: // without the list, the pass can't know that a name is unknown
		return 2
	case e.cannotList, slices.ContainsFunc(e.rows, func(r row) bool { return r.action == failed && !r.leftOut }):
		return 1
	}
	return 0
}
