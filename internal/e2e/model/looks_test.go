package model

import "slices"

// checkLooks runs a command that changes nothing.
func (b *sandbox) checkLooks(s settings) {
	b.Helper()
	x := b.situation(s)
	e := x.expect(true)
	f := findings{T: b.T, x: x, e: e}
	switch b.pick("look", "none", "dry run", "diff", "scan") {
	case "none":
		return
	case "dry run":
		f.r = b.run(s, append(s.passArgs(b), "--dry-run")...)
		if s.asJSON && !e.refuses {
			f.document(e.rows, row.isShown)
		} else {
			f.equal("stdout", e.stdout(true), f.r.stdout)
		}
		f.equal("exit code", e.code(), f.r.code)
	case "diff":
		f.r = b.run(s, append([]string{"diff"}, s.args(b)...)...)
		s.prune = false
		x.settings = s
		f.equal("exit code", x.expect(true).differs(), f.r.code)
	case "scan":
		f.r = b.run(s, append([]string{"scan", "--all", "-o", "json"}, s.args(b)...)...)
		s.prune = false
		x.settings = s
		x.showsIgnored = true
		f.e = x.expect(true)
		f.x = x
		if f.e.skips != "" {
			break // the contract does not define its output
		}
		f.equal("exit code", f.e.code(), f.r.code)
		if !f.e.refuses {
			f.document(append(f.e.rows, x.orphanRows()...), func(r row) bool { return !r.leftOut })
		}
	}
	home, scandir := b.trees()
	f.empty("home touched", x.home.changes(home, touched))
	f.empty("scandir touched", x.scandir.changes(scandir, touched))
	f.equal("told s6-svscan", "", b.commands())
	f.report("look")
}

// differs returns the exit code of diff.
func (e expectation) differs() int {
	code := e.code()
	if slices.ContainsFunc(e.rows, func(r row) bool { return r.change == created || r.change == updated || r.effect != "" }) {
		code = max(code, 1)
	}
	return code
}
