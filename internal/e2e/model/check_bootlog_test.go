package model

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rotateAt is the size in bytes at which a pass rotates the boot log.
const rotateAt = 262144

// bootLog checks the boot log. It copies the log from got to want and adds the written paths to
// written.
func (f *findings) bootLog(want, got tree, written map[string]bool) {
	if !slices.ContainsFunc(f.e.rows, row.isShown) {
		return
	}
	if !f.x.home.holds("logs") {
		want["logs"], written[""] = got["logs"], true
		f.users("logs", got["logs"])
	}
	logs, found := want.resolve("logs")
	if !found || want[logs].kind != aDirectory {
		return // the pass can't write the log, but does not fail
	}
	written[logs] = true
	p := path.Join(logs, "container-boot.log")
	before, found := want[p]
	switch {
	case !found:
		f.users(p, got[p])
	case before.kind != aFile:
		return
	case len(before.text) >= rotateAt:
		want[p+".1"], written[p+".1"] = before, true
		before.text = ""
	}
	added, continued := strings.CutPrefix(got[p].text, before.text)
	if !continued || got[p].kind != aFile {
		f.add("boot log", "what was in it is not in front")
	}
	f.bootLines(added)
	want[p], written[p] = got[p], true
}

var bootLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000 (profile=.* prior_exit=[a-z]+ change=[a-z]+) host=(\S+)( reason=".*")?$`)

// bootLines compares the added lines with the rows.
func (f *findings) bootLines(text string) {
	lines := strings.SplitAfter(text, "\n")
	for _, r := range f.e.rows {
		if !r.isShown() {
			continue
		}
		line := strings.TrimSuffix(lines[0], "\n")
		lines = lines[min(1, len(lines)-1):]
		m := bootLine.FindStringSubmatch(line)
		if m == nil {
			f.add("boot log", "line "+strconv.Quote(line))
			return
		}
		fields := strings.TrimSuffix(strings.TrimPrefix(r.line(false), "reconcile: "), "\n")
		f.equal("boot log", fields+" prior_exit="+r.exit+" change="+r.change, m[1])
		host, _ := os.Hostname()
		f.equal("host in the boot log", host, m[2])
		reason, _ := strconv.Unquote(strings.TrimPrefix(m[3], " reason="))
		f.reason(r, reason)
	}
	if strings.Join(lines, "") != "" {
		f.add("boot log", "more lines: "+strings.Join(lines, ""))
	}
}

// reason compares the reason beside an action.
func (f *findings) reason(r row, got string) {
	switch {
	case r.mayReason:
	case r.action == failed || r.action == skipped:
		if got == "" || !strings.Contains(got, r.reason) {
			f.add("reason of "+r.name, strconv.Quote(got)+", want "+r.reason+" in it")
		}
	case (got == "") != (r.reason == ""), !strings.Contains(got, r.reason):
		f.add("reason of "+r.name, strconv.Quote(got)+", want "+r.reason+" in it")
	}
}
