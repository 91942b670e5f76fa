package model

import (
	"maps"
	"os/exec"
	"path"
	"strconv"
	"sync"
	"time"

	"pgregory.net/rapid"
)

// strace returns the path of strace, or "" when there is none.
var strace = sync.OnceValue(func() string {
	path, _ := exec.LookPath("strace")
	return path
})

// runKilled runs slotgen and kills it before a system call. Without strace it kills slotgen after
// a time.
func (b *sandbox) runKilled(s settings, args []string) result {
	call := b.pick("killed at", "renameat2", "renameat", "fchmodat", "fchmod", "fchownat", "mkdirat", "mknodat", "unlinkat", "write", "openat", "time")
	n := rapid.IntRange(1, 12).Draw(b.T, "call")
	after := time.Duration(rapid.IntRange(1, 8000).Draw(b.T, "microseconds")) * time.Microsecond
	args = append([]string{binary.path}, args...)
	if strace() != "" && call != "time" {
		inject := "inject=" + call + ":signal=KILL:when=" + strconv.Itoa(n)
		args = append([]string{strace(), "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", inject}, args...)
		after = time.Minute
	}
	r, _ := b.runFor(after, s, args)
	return r
}

// checkKill kills a pass and checks that each slot is whole, and old or new.
func (b *sandbox) checkKill(s settings) {
	b.Helper()
	x := b.situation(s)
	f := findings{T: b.T, x: x, e: x.expect(false)}
	f.r = b.runKilled(s, s.passArgs(b))
	b.commands()
	_, scandir := b.trees()
	for _, r := range f.e.rows {
		if r.isProfile() && !r.leftOut {
			f.whole(r, scandir.below(r.service()))
		}
	}
	f.report("killed pass")
}

// whole checks a slot after a pass was killed.
func (f *findings) whole(r row, got tree) {
	service := r.service()
	want := f.e.comparable(f.e.scandir).below(service)
	got = f.e.comparable(tree{}.with(service, got)).below(service)
	for _, before := range []tree{f.x.scandir.below(service), f.x.scandir.below("." + service + ".old")} {
		before = f.e.comparable(tree{}.with(service, before)).below(service)
		if before.changes(got, otherContent) == "" {
			return
		}
		heldDown := maps.Clone(before) // the pass writes down first
		if n, found := want["down"]; found && len(before) > 0 {
			heldDown["down"] = n
		}
		if heldDown.changes(got, otherContent) == "" || r.live && isBetween(before, want, got) {
			return
		}
	}
	f.empty("slot after a kill", want.changes(got, otherContent))
}

// with puts a part at a path of the tree and returns the tree.
func (t tree) with(top string, part tree) tree {
	t.put(top, part)
	return t
}

// isBetween reports whether each file of a slot is as before or as wanted.
func isBetween(before, want, got tree) bool {
	for p, n := range got {
		if !n.sameAs(before[p]) && !n.sameAs(want[p]) && !unfinished.MatchString(path.Base(p)) {
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
