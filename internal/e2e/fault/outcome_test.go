package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"slotgen/internal/testenv"
)

var (
	faultSlot     = regexp.MustCompile(`^(?:service|out)/\.?gateway-[^/]+`)
	faultLeftover = regexp.MustCompile(`(?:^|/)\.[^/]+(?:\.new|\.new/logs|\d{10,})$`)
	// faultFailed matches the error of one profile, or of several; faultAction matches the line
	// of a failed profile on standard output.
	faultFailed = regexp.MustCompile(`(?m)^slotgen: error: (?:profile "([^"]*)"|\d+ profiles \(([^)]*)\)): (.*)$`)
	faultAction = regexp.MustCompile(`(?m)^reconcile: profile=(\S+) .*action=failed`)
)

// faultOutcome is the result of a run with a fault.
type faultOutcome struct {
	*faults
	fault fault
	run   faultRun
	got   tree
	added int  // number of lines added to the boot log
	whole bool // whether no line of the boot log is lost or torn
	// failed holds the profiles that the run reports as failed. overCapacity counts those of them
	// that failed for lack of capacity.
	failed       map[string]bool
	overCapacity int
}

func (f *faults) outcome(x fault, run faultRun) *faultOutcome {
	o := &faultOutcome{faults: f, fault: x, run: run, got: f.read(), failed: map[string]bool{}}
	o.added, o.whole = f.logged()
	for _, m := range faultFailed.FindAllStringSubmatch(run.stderr, -1) {
		names, _, _ := strings.Cut(m[1]+m[2], " and ") // standard output has all of them
		for name := range strings.SplitSeq(names, ", ") {
			o.failed[name] = true
			if strings.HasPrefix(m[3], "s6-svscan takes ") {
				o.overCapacity++
			}
		}
	}
	for _, m := range faultAction.FindAllStringSubmatch(run.stdout, -1) {
		o.failed[m[1]] = true
	}
	return o
}

func (o *faultOutcome) String() string {
	return fmt.Sprintf("%d lines were added to the boot log, %d of an undisturbed run\n%s", o.added, o.lines, o.wants.changes(o.got))
}

// complete reports whether the run did everything that an undisturbed run does.
func (o *faultOutcome) complete() bool { return o.got.equal(o.wants) && o.added == o.lines }

// failsWith reports whether the run was not killed and exited with the code.
func (o *faultOutcome) failsWith(code int) bool { return !o.run.killed && o.run.code == code }

// hitsAll reports whether the call that failed concerns all profiles.
func (o *faultOutcome) hitsAll() bool {
	return strings.Contains(o.fault.call.about, "<~/root/templates") || strings.Contains(o.run.stderr, ": listing scandir ")
}

// hasLines reports whether each failed profile has a line on standard output.
func (o *faultOutcome) hasLines() bool {
	for name := range o.failed {
		if !strings.Contains(o.run.stdout, "profile="+name+" ") {
			return strings.Contains(o.fault.call.about, "<~/stdout>")
		}
	}
	return true
}

// slotsAsWanted reports whether every slot is as wanted, except the slots of some profiles.
func (o *faultOutcome) slotsAsWanted(but map[string]bool) bool {
	for path := range paths(o.got, o.wants) {
		slot := faultSlot.FindString(path)
		_, name, _ := strings.Cut(slot, "gateway-")
		if slot == "" || strings.Contains(slot, "/.") || but[name] {
			continue
		}
		if o.got[path] != o.wants[path] {
			return false
		}
	}
	return true
}

// madeFirst are the paths that a run makes before it can fail: an empty directory and its lock.
var madeFirst = []string{"service", "service/.slotgen.lock", "out", "out/.slotgen.lock"}

// untouched reports whether everything is as before the run, except the paths in madeFirst.
func (o *faultOutcome) untouched() bool {
	for path := range paths(o.got, o.before) {
		if o.got[path] != o.before[path] && !slices.Contains(madeFirst, path) {
			return false
		}
	}
	return true
}

// files returns all files that exist, that existed before or that are wanted.
func (o *faultOutcome) files() []faultFile {
	var files []faultFile
	for path := range paths(o.got, o.before, o.wants) {
		files = append(files, faultFile{o, path, faultSlot.FindString(path)})
	}
	return files
}

// faultFile is one path after a run with a fault. slot is "" when the path is in no slot.
type faultFile struct {
	*faultOutcome
	path, slot string
}

func (p faultFile) String() string {
	return fmt.Sprintf("%s was %q, is to be %q, and is %q", p.path, p.before[p.path], p.wants[p.path], p.got[p.path])
}

// isOldOrNew reports whether the file is as before or as wanted.
func (p faultFile) isOldOrNew() bool {
	return p.got[p.path] == p.before[p.path] || p.got[p.path] == p.wants[p.path]
}

// isLeftover reports whether the run may have left the file: it has a temporary name, which no
// program reads.
func (p faultFile) isLeftover() bool {
	return p.run.mayLeaveFiles() && faultLeftover.MatchString(p.path)
}

// isRotated reports whether the file is a boot log that was renamed.
func (p faultFile) isRotated() bool { return p.got[p.path] == "" && p.path == "home/logs/"+bootLog }

// isInTheMaking reports whether the file is a new directory that does not have its mode yet.
func (p faultFile) isInTheMaking() bool {
	return strings.HasPrefix(p.got[p.path], "0700 ") && strings.HasSuffix(p.wants[p.path], " directory")
}

// slots returns the slots that exist, that existed before or that are wanted, under each name.
func (o *faultOutcome) slots() []slotView {
	seen := map[string]bool{}
	var slots []slotView
	for _, p := range o.files() {
		if p.slot == "" || seen[p.slot] {
			continue
		}
		seen[p.slot] = true
		dir, name := path.Split(p.slot)
		service, isHidden := strings.CutSuffix(strings.TrimPrefix(name, "."), ".old")
		named, hidden := dir+service, dir+"."+service+".old"
		slots = append(slots, slotView{
			faultOutcome: o, path: p.slot, service: service,
			hidden: isHidden, staged: name[0] == '.' && !isHidden, live: o.live[name],
			have: o.got.below(p.slot), old: o.before.below(p.slot), want: o.wants.below(p.slot),
			nameHas: o.got.below(named), nameHad: o.before.below(named),
			hiddenHas: o.got.below(hidden), hiddenHad: o.before.below(hidden),
		})
	}
	return slots
}

// slotView is one slot after a run with a fault, under one of its names.
type slotView struct {
	*faultOutcome
	path, service        string
	hidden, staged, live bool
	have, old, want      tree // under this name
	nameHas, nameHad     tree // under the slot's own name, now and before
	hiddenHas, hiddenHad tree // under the hidden name, now and before
}

func (s slotView) String() string { return s.path + ":\n" + s.want.changes(s.have) }

// isVisible reports whether s6-svscan sees this name and a pass may replace the whole slot.
func (s slotView) isVisible() bool { return !s.hidden && !s.staged && !s.live }

// hasNoRoom reports whether the run reports that s6-svscan takes no more slots.
func (s slotView) hasNoRoom() bool {
	return strings.Contains(s.run.stderr, fmt.Sprintf("profile %q: s6-svscan takes ", strings.TrimPrefix(s.service, "gateway-")))
}

// isBetweenTwoRenames reports whether the old slot exists under its hidden name. The name is free
// for an instant only when the file system can't exchange.
func (s slotView) isBetweenTwoRenames() bool {
	return len(s.hiddenHad) > 0 && s.hiddenHas.equal(s.hiddenHad) ||
		s.run.killed && s.always != "" && s.hiddenHas.equal(s.old)
}

// differsFrom reports whether a file of the slot is not as in another tree. It ignores the down
// file and leftovers.
func (s slotView) differsFrom(other tree) bool {
	for path := range paths(s.have, other) {
		leftover := s.run.mayLeaveFiles() && faultLeftover.MatchString(path)
		if path != "/down" && !leftover && s.have[path] != other[path] {
			return true
		}
	}
	return false
}

// nextRun is the result of an undisturbed run after the run with the fault.
type nextRun struct {
	*faultOutcome
	problem string // "" when the run succeeded
	after   tree
	now     int  // number of lines added to the boot log by both runs
	kept    bool // whether no line of the boot log is lost or torn
	strays  []string
}

// next makes an undisturbed run.
func (f *faults) next(o *faultOutcome) nextRun {
	f.t.Helper()
	args := f.args
	if f.again != nil {
		args = f.again
	}
	n := nextRun{faultOutcome: o, problem: f.tryRun(args), after: f.read()}
	if f.supervised && !testenv.Holds(func() bool { return len(f.strays()) == 0 }) {
		n.strays = f.strays()
	}
	n.now, n.kept = f.logged()
	return n
}

func (n nextRun) String() string {
	return fmt.Sprintf("%s%d lines were added to the boot log, %d before, %d of an undisturbed run, processes in %q\n%s",
		n.problem, n.now, n.added, n.lines, n.strays, n.wants.changes(n.after))
}

const bootLog = "container-boot.log"

// logged returns how many lines were added to the boot log, and whether no line is lost or torn.
func (f *faults) logged() (added int, whole bool) {
	rotated, text := f.readLog(bootLog+".1"), f.readLog(bootLog)
	switch {
	case strings.HasPrefix(rotated, f.log) && f.log != f.oldest:
		text = strings.TrimPrefix(rotated, f.log) + text
	case rotated == f.oldest && strings.HasPrefix(text, f.log):
		text = strings.TrimPrefix(text, f.log)
	default:
		return 0, false
	}
	whole = true
	for line := range strings.Lines(text) {
		added++
		whole = whole && bootLogLine.MatchString(line)
	}
	return added, whole
}

func (f *faults) readLog(name string) string {
	text, err := os.ReadFile(filepath.Join(f.root, "home/logs", name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Fatal(err)
	}
	return string(text)
}
