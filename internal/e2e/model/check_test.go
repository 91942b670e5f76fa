package model

import (
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkPass makes a pass and compares its output and its results with the oracle.
func (b *sandbox) checkPass(s settings) {
	b.Helper()
	x := b.situation(s)
	e := x.expect(false)
	r := b.run(s, s.passArgs(b)...)
	home, scandir := b.trees()
	f := findings{T: b.T, x: x, e: e, r: r}
	if s.asJSON && !e.refuses {
		f.document(e.rows, row.isShown)
	} else {
		f.equal("stdout", e.stdout(false), r.stdout)
	}
	f.equal("exit code", e.code(), r.code)
	f.scandir(scandir)
	f.home(home)
	f.commands(b.commands())
	f.report("pass")
}

// stdout returns the expected output of reconcile.
func (e expectation) stdout(dryRun bool) string {
	if e.skips != "" {
		return "reconcile: skipping (" + e.skips + " container — does not need per-profile gateways)\n"
	}
	var text strings.Builder
	for _, r := range e.rows {
		if r.isShown() {
			text.WriteString(r.line(dryRun))
		}
	}
	return text.String()
}

// touches reports whether the pass may change anything.
func (e expectation) touches() bool { return e.skips == "" && !e.refuses }

// isWhole reports whether the pass makes or replaces the whole slot.
func (e expectation) isWhole(service string) bool {
	name, _ := strings.CutPrefix(service, "gateway-")
	r, found := find(e.rows, name)
	return found && !r.live && (r.change == created || r.change == updated)
}

// comparable returns a scandir without the files of s6, the text of the lock and uncertain files.
func (e expectation) comparable(scandir tree) tree {
	shown := maps.Clone(scandir)
	for p, n := range scandir {
		service, rest, _ := strings.Cut(p, "/")
		if isInside(rest) && !e.isWhole(service) {
			delete(shown, p)
		}
		if p == ".slotgen.lock" {
			n.text = ""
			shown[p] = n
		}
	}
	for p := range e.optionalDown {
		delete(shown, p)
	}
	return shown
}

// scandir compares the content of the scandir. It also finds needless writes.
func (f *findings) scandir(got tree) {
	f.empty("scandir", f.e.comparable(f.e.scandir).changes(f.e.comparable(got), otherContent))
	for name := range f.e.kept {
		if name == ".s6-svscan" && f.x.listens { // commands checks the writes to it
			continue
		}
		f.empty("touched in the scandir", f.x.scandir.below(name).changes(got.below(name), touched))
	}
	for p, n := range f.x.scandir {
		if have := got[p]; n.kind == aFile && f.isUpdatedInPlace(p) && n.sameAs(have) && n.stamp != have.stamp {
			f.add("touched in a live slot", p)
		}
	}
	if top := f.x.scandir[""]; f.isQuiet() && top.stamp != got[""].stamp {
		f.add("touched the scandir", top.String())
	}
}

func (f *findings) isUpdatedInPlace(p string) bool {
	service, _, _ := strings.Cut(p, "/")
	r, found := find(f.e.rows, strings.TrimPrefix(service, "gateway-"))
	return found && r.live && r.change == updated
}

// isQuiet reports whether no entry of the scandir itself is to change.
func (f *findings) isQuiet() bool {
	return len(f.e.cleared) == 0 && slices.Equal(f.x.scandir.names(""), f.e.scandir.names("")) &&
		!slices.ContainsFunc(f.e.rows, func(r row) bool { return f.e.isWhole(r.service()) })
}

// commands compares the commands that s6-svscan got.
func (f *findings) commands(commands string) {
	want := "^"
	if f.x.listens && f.e.touches() && f.x.policy() != none {
		if len(f.e.cleared) > 0 {
			want += "(an)+"
		}
		if f.x.rescan {
			want += "a"
		}
	}
	if !regexp.MustCompile(want + "$").MatchString(commands) {
		f.add("told s6-svscan "+want, commands)
	}
}

// isLeftover reports whether a path on the volume is a temporary file of a killed pass. A later
// pass may remove it.
func isLeftover(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "/"), func(name string) bool {
		return name == ".gateway_state.json.new"
	})
}

// home compares the content of the volume.
func (f *findings) home(got tree) {
	want, written := maps.Clone(f.x.home), map[string]bool{}
	for _, p := range f.e.stale {
		delete(want, p)
		written[strings.TrimSuffix(path.Dir(p), ".")] = true
	}
	if f.e.touches() {
		if f.x.migrates() && f.x.policy() != none && f.x.policy() != "all" && !f.e.rows[0].leftOut {
			f.migrated(got["gateway_state.json"])
			want["gateway_state.json"] = got["gateway_state.json"]
			written[""] = true
		}
		f.bootLog(want, got, written)
	}
	for p := range want {
		if isLeftover(p) {
			written[strings.TrimSuffix(path.Dir(p), ".")] = true
		}
	}
	for _, t := range []tree{want, got} {
		maps.DeleteFunc(t, func(p string, _ node) bool { return isLeftover(p) })
	}
	f.empty("home", want.changes(got, otherContent))
	for p, n := range want {
		if have := got[p]; !written[p] && n.sameAs(have) && n.stamp != have.stamp {
			f.add("touched in the home", p)
		}
	}
}

// migrated checks the state that a pass records for a container from before s6.
func (f *findings) migrated(n node) {
	var state map[string]any
	err := json.Unmarshal([]byte(n.text), &state)
	_, isNumber := state["timestamp"].(float64)
	if err != nil || !isNumber || state["gateway_state"] != "running" || state["desired_state"] != "running" ||
		state["migrated_from"] != "legacy-container-cmd" {
		f.add("migrated state", n.String())
	}
	f.users("gateway_state.json", n)
}

// users checks that a new file on the volume belongs to the user.
func (f *findings) users(p string, n node) {
	uid, gid := f.x.uid, f.x.gid
	if !f.x.isRoot {
		uid, gid = f.x.selfUID, f.x.selfGID
	}
	if n.uid != uid || n.gid != gid {
		f.add("owner of "+p, n.String())
	}
}
