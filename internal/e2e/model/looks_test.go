package model

import (
	"encoding/json"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// checkLooks runs the commands that touch nothing.
func (b *sandbox) checkLooks(s settings) {
	b.Helper()
	x := b.situation(s)
	e := x.expect(true)
	f := findings{T: b.T, x: x, e: e}
	switch b.pick("look", "none", "dry run", "diff", "scan") {
	case "none":
		return
	case "dry run":
		f.r = b.run(s, 0, append(s.passArgs(b), "--dry-run")...)
		f.equal("stdout", e.stdout(true), f.r.stdout)
		f.equal("exit code", e.code(), f.r.code)
	case "diff":
		f.r = b.run(s, 0, append([]string{"diff"}, s.args(b)...)...)
		s.prune = false
		x.settings = s
		f.equal("exit code", x.expect(true).differs(), f.r.code)
	case "scan":
		f.r = b.run(s, 0, append([]string{"scan", "--all", "-o", "json"}, s.args(b)...)...)
		s.prune = false
		x.settings = s
		f.e = x.expect(true)
		f.scan()
	}
	home, scandir := b.trees()
	f.none("home touched", x.home.changes(home, touched))
	f.none("scandir touched", x.scandir.changes(scandir, touched))
	f.equal("told s6-svscan", "", b.heard())
	f.report("look")
}

// differs returns the exit code of diff.
func (e expectation) differs() int {
	if e.skips != "" {
		return 0
	}
	if slices.ContainsFunc(e.rows, func(r row) bool {
		return r.action == failed || r.change == created || r.change == updated || r.effect != ""
	}) {
		return 1
	}
	return 0
}

// document is the JSON of scan.
type document struct {
	SchemaVersion            int
	Home, Scandir, Autostart string
	Profiles                 []struct {
		Name, Service, Dir, PriorExit, Action, Change, Effect, Reason string
		PriorState                                                    *string
		Live                                                          bool
	}
}

// scan compares the document that scan prints.
func (f *findings) scan() {
	var d document
	if err := json.Unmarshal([]byte(f.r.stdout), &d); err != nil {
		f.add("JSON", err.Error())
		return
	}
	if f.e.skips != "" {
		return
	}
	f.equal("exit code", f.e.code(), f.r.code)
	f.equal("schema", 1, d.SchemaVersion)
	f.equal("policy", f.x.policy(), d.Autostart)
	f.equal("rows", len(f.e.rows), len(d.Profiles))
	for i, r := range f.e.rows[:min(len(f.e.rows), len(d.Profiles))] {
		got := d.Profiles[i]
		f.equal("name", asJSON(r.name), got.Name)
		f.equal("action of "+r.name, r.action, got.Action)
		f.equal("change of "+r.name, r.change, got.Change)
		f.equal("effect of "+r.name, r.effect, got.Effect)
		f.equal("prior exit of "+r.name, r.exit, got.PriorExit)
		f.equal("known state of "+r.name, r.known, got.PriorState != nil)
		if r.known && got.PriorState != nil {
			f.equal("state of "+r.name, r.state, *got.PriorState)
		}
		f.reason(r, got.Reason)
	}
}

// asJSON returns what is left of a text in JSON, which has no bytes that are not UTF-8.
func asJSON(text string) string {
	data, _ := json.Marshal(text)
	_ = json.Unmarshal(data, &text)
	return text
}

// checkKill kills a pass. Each slot is then whole, and old or new.
func (b *sandbox) checkKill(s settings) {
	b.Helper()
	x := b.situation(s)
	f := findings{T: b.T, x: x, e: x.expect(false)}
	after := time.Duration(rapid.IntRange(1, 8000).Draw(b.T, "microseconds")) * time.Microsecond
	f.r = b.run(s, after, s.passArgs(b)...)
	b.heard()
	_, scandir := b.trees()
	for _, r := range f.e.rows {
		if r.isProfile() {
			f.whole(r, scandir.below(r.service()))
		}
	}
	f.report("killed after " + after.String())
}

// whole looks at a slot after a pass was killed.
func (f *findings) whole(r row, got tree) {
	service := r.service()
	want := f.e.comparable(f.e.scandir).below(service)
	got = f.e.comparable(tree{}.with(service, got)).below(service)
	for _, before := range []tree{f.x.scandir.below(service), f.x.scandir.below("." + service + ".old")} {
		before = f.e.comparable(tree{}.with(service, before)).below(service)
		if before.changes(got, otherContent) == "" {
			return
		}
		if n, found := want["down"]; found && len(before) > 0 { // it is held down first
			before["down"] = n
		}
		if before.changes(got, otherContent) == "" || r.live && isBetween(before, want, got) {
			return
		}
	}
	f.none("slot after a kill", want.changes(got, otherContent))
}

// with returns the tree with a part put at a path.
func (t tree) with(top string, part tree) tree {
	t.put(top, part)
	return t
}

// isBetween reports whether each file of a slot is as before or as wanted.
func isBetween(before, want, got tree) bool {
	for p, n := range got {
		if !n.sameAs(before[p]) && !n.sameAs(want[p]) && unfinished.FindString(p) == "" {
			return false
		}
	}
	for p := range before {
		if want.holds(p) && !got.holds(p) {
			return false
		}
	}
	return !want.holds("down") || got.holds("down") || len(before) == 0 || !before.holds("down")
}
