package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	faultSlot   = regexp.MustCompile(`^(?:service|out)/\.?gateway-[^/]+`)
	faultDebris = regexp.MustCompile(`(?:^|/)\.[^/]+(?:\.new|\.new/logs|\d{10,})$`)
)

// whole says in what way a tree is not what a run may leave that was cut short:
// each slot and each file old or new, nothing mixed, nothing lost.
func (f *faults) whole(got tree, run faultRun) []string {
	var wrong []string
	slots := map[string]bool{}
	for path := range paths(got, f.before, f.wants) {
		if slot := faultSlot.FindString(path); slot != "" {
			slots[slot] = true
			continue
		}
		have := got[path]
		rotated := have == "" && path == "home/logs/container-boot.log" // nothing is lost, or logged says so
		debris := run.mayLitter() && faultDebris.MatchString(path)
		if have != f.before[path] && have != f.wants[path] && !rotated && !debris {
			wrong = append(wrong, fmt.Sprintf("%s is %q, neither the old nor the new one", path, have))
		}
	}
	for slot := range slots {
		if run.roleless() {
			break // another pass than the wanted one, and it says so
		}
		if problem := f.wholeSlot(got, slot, run); problem != "" {
			wrong = append(wrong, slot+" "+problem)
		}
	}
	return wrong
}

func (f *faults) wholeSlot(got tree, slot string, run faultRun) string {
	have := got.below(slot)
	dir, name := path.Split(slot)
	service, isAside := strings.CutSuffix(strings.TrimPrefix(name, "."), ".old")
	switch {
	case isAside:
		return f.wholeAside(got, dir+service, have)
	case name[0] == '.':
		if !run.mayLitter() && len(have) > 0 && len(f.before.below(slot)) == 0 {
			return "is left over"
		}
		return ""
	case f.live[name]:
		return f.wholeLive(have, f.before.below(slot), f.wants.below(slot), run)
	}
	old, hidden, want := f.before.below(slot), f.before.below(dir+"."+name+".old"), f.wants.below(slot)
	switch {
	case have.equal(want), len(have) > 0 && (have.equal(old) || have.equal(hidden)):
		return ""
	case len(have) > 0:
		return "is neither the old slot nor the new one:\n" + want.changes(have)
	case len(old)+len(hidden) == 0, strings.Contains(run.stderr, fmt.Sprintf("profile %q: s6-svscan takes ", strings.TrimPrefix(name, "gateway-"))):
		return "" // not made yet, or no room for it
	}
	// Only the fallback frees a name for an instant, with the old slot at hand.
	aside := got.below(dir + "." + name + ".old")
	if len(hidden) > 0 && aside.equal(hidden) || run.killed && f.always != "" && aside.equal(old) {
		return ""
	}
	return "is gone"
}

// wholeAside: what was moved aside comes back when its name is free and its
// profile exists, so it has to be whole then.
func (f *faults) wholeAside(got tree, slot string, have tree) string {
	if len(have) == 0 || len(got.below(slot)) > 0 {
		return ""
	}
	dir, name := path.Split(slot)
	for _, old := range []string{slot, dir + "." + name + ".old"} {
		if have.equal(f.before.below(old)) {
			return ""
		}
	}
	return "would come back torn:\n" + f.before.below(slot).changes(have)
}

// wholeLive holds that each file of a live slot is whole, and that a down file
// stands at every instant at which the gateway has to stay down.
func (f *faults) wholeLive(have, old, want tree, run faultRun) string {
	changed, left := false, false // files beside the down file
	for path := range paths(have, old, want) {
		debris := run.mayLitter() && faultDebris.MatchString(path)
		making := strings.HasPrefix(have[path], "0700 ") && strings.HasSuffix(want[path], " directory")
		if have[path] != old[path] && have[path] != want[path] && !debris && !making {
			return fmt.Sprintf("has %s, which is %q, neither the old nor the new one", path, have[path])
		}
		if path != "/down" && !debris {
			changed = changed || have[path] != old[path]
			left = left || have[path] != want[path]
		}
	}
	switch {
	case have["/down"] != "":
	case want["/down"] != "" && changed:
		return "has new files and no down file yet"
	case old["/down"] != "" && left:
		return "has old files and no down file any more"
	}
	return ""
}

// logged returns what is wrong with the boot log, and how many lines it has more
// than before the run.
func (f *faults) logged() (added int, wrong []string) {
	rotated, text := f.readLog("container-boot.log.1"), f.readLog("container-boot.log")
	switch {
	case strings.HasPrefix(rotated, f.log) && f.log != f.oldest:
		text = strings.TrimPrefix(rotated, f.log) + text
	case rotated == f.oldest && strings.HasPrefix(text, f.log):
		text = strings.TrimPrefix(text, f.log)
	default:
		return 0, []string{"the boot log has lost lines"}
	}
	for line := range strings.Lines(text) {
		added++
		if !bootLogLine.MatchString(line) {
			wrong = append(wrong, fmt.Sprintf("the boot log has the line %q", line))
		}
	}
	return added, wrong
}

func (f *faults) readLog(name string) string {
	text, err := os.ReadFile(filepath.Join(f.root, "home/logs", name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	return string(text)
}

var (
	faultFailed       = regexp.MustCompile(`(?m)^slotgen: error: profile "([^"]*)": (.*)$`)
	faultFailedForAll = regexp.MustCompile(`(?m)^slotgen: error: (reading|listing scandir|looking at) `)
)

// reported says in what way a run with a failing call did not tell what it left
// undone.
func (f *faults) reported(x fault, run faultRun, got tree, added int) []string {
	var wrong []string
	must := func(holds bool, format string, args ...any) {
		if !holds {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	all := got.equal(f.wants) && added == f.lines
	failed, crowded := map[string]bool{}, 0
	for _, m := range faultFailed.FindAllStringSubmatch(run.stderr, -1) {
		failed[m[1]] = true
		if strings.HasPrefix(m[2], "s6-svscan takes ") {
			crowded++ // for want of room, not of a call
		}
	}
	silent := strings.Contains(x.call.about, "<~/stderr>")
	switch run.code {
	case exitOK:
		must(len(f.fails) == 0, "exit code 0, and %q failed", f.fails)
		must(f.slotsAsWanted(got, nil) || run.roleless(), "exit code 0, and a slot is not as wanted")
		must(all || silent || strings.Contains(run.stderr, "slotgen: warning: "), "exit code 0 without a warning, and something is left undone")
	case exitUsage:
		must(f.untouched(got), "exit code 2, and something was touched")
		must(strings.Contains(run.stderr, "slotgen: error: "), "exit code 2 without an error")
	case exitIncomplete:
		must(silent || strings.Contains(run.stderr, "slotgen: error: "), "exit code 1 without an error")
		must(f.args[0] != "reconcile" || f.slotsAsWanted(got, failed) || faultFailedForAll.MatchString(run.stderr),
			"a slot is not as wanted, and its profile is not said to have failed")
		// By all profiles: the templates, and what stands in the scandir.
		shared := strings.Contains(x.call.about, "<~/root/templates") || strings.Contains(run.stderr, ": listing scandir ")
		must(len(failed)-crowded <= 1 || shared, "one call failed, and the profiles %q failed", slices.Sorted(maps.Keys(failed)))
		for name := range failed {
			must(strings.Contains(x.call.about, "<~/stdout>") || strings.Contains(run.stdout, "profile="+name+" "), "profile %s failed and has no line", name)
		}
	default:
		must(false, "exit code %d", run.code)
	}
	if run.code != exitOK && (len(f.fails) == 0 || !all) {
		must(strings.Contains(run.stderr, x.errno.Error()), "the error does not say %q", x.errno.Error())
	}
	must(!strings.Contains(run.stderr, "goroutine "), "it panics")
	return wrong
}

// slotsAsWanted tells whether every slot is as wanted but those of some profiles.
func (f *faults) slotsAsWanted(got tree, but map[string]bool) bool {
	for path := range paths(got, f.wants) {
		slot := faultSlot.FindString(path)
		_, name, _ := strings.Cut(slot, "gateway-")
		if slot == "" || strings.Contains(slot, "/.") || but[name] {
			continue
		}
		if got[path] != f.wants[path] {
			return false
		}
	}
	return true
}

// madeFirst is what a run makes before it can know: an empty directory and its lock.
var madeFirst = []string{"service", "service/.slotgen.lock", "out", "out/.slotgen.lock"}

// untouched tells whether all that was there is as it was, but for what is made first.
func (f *faults) untouched(got tree) bool {
	for path := range paths(got, f.before) {
		if got[path] != f.before[path] && !slices.Contains(madeFirst, path) {
			return false
		}
	}
	return true
}

func (all tree) equal(other tree) bool { return maps.Equal(all, other) }
