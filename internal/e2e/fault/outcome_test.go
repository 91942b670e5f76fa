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
	faultSlot   = regexp.MustCompile(`^(?:service|out)/\.?gateway-[^/]+`)
	faultDebris = regexp.MustCompile(`(?:^|/)\.[^/]+(?:\.new|\.new/logs|\d{10,})$`)
	faultFailed = regexp.MustCompile(`(?m)^slotgen: error: profile "([^"]*)": (.*)$`)
)

// faultOutcome is what a run with a fault left.
type faultOutcome struct {
	*faults
	fault fault
	run   faultRun
	got   tree
	added int  // lines of the boot log
	whole bool // the boot log
	// failed are the profiles that the run says failed, crowded those of them for want
	// of room.
	failed  map[string]bool
	crowded int
}

func (f *faults) outcome(x fault, run faultRun) *faultOutcome {
	o := &faultOutcome{faults: f, fault: x, run: run, got: f.read(), failed: map[string]bool{}}
	o.added, o.whole = f.logged()
	for _, m := range faultFailed.FindAllStringSubmatch(run.stderr, -1) {
		o.failed[m[1]] = true
		if strings.HasPrefix(m[2], "s6-svscan takes ") {
			o.crowded++
		}
	}
	return o
}

func (o *faultOutcome) String() string {
	return fmt.Sprintf("%d lines were added to the boot log, %d of an undisturbed run\n%s", o.added, o.lines, o.wants.changes(o.got))
}

// complete reports whether the run did all that an undisturbed one does.
func (o *faultOutcome) complete() bool { return o.got.equal(o.wants) && o.added == o.lines }

// failsWith reports whether the run was not killed and ended with the code.
func (o *faultOutcome) failsWith(code int) bool { return !o.run.killed && o.run.code == code }

// hitsAll reports whether the call that failed counts for all profiles.
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

// slotsAsWanted reports whether every slot is as wanted but those of some profiles.
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

// madeFirst is what a run makes before it can know: an empty directory and its lock.
var madeFirst = []string{"service", "service/.slotgen.lock", "out", "out/.slotgen.lock"}

// untouched reports whether all that was there is as it was, but for what is made first.
func (o *faultOutcome) untouched() bool {
	for path := range paths(o.got, o.before) {
		if o.got[path] != o.before[path] && !slices.Contains(madeFirst, path) {
			return false
		}
	}
	return true
}

// files returns all files that are, were or are wanted.
func (o *faultOutcome) files() []faultFile {
	var files []faultFile
	for path := range paths(o.got, o.before, o.wants) {
		files = append(files, faultFile{o, path, faultSlot.FindString(path)})
	}
	return files
}

// faultFile is one path after a run with a fault, in a slot or, where that is "", outside.
type faultFile struct {
	*faultOutcome
	path, slot string
}

func (p faultFile) String() string {
	return fmt.Sprintf("%s was %q, is to be %q, and is %q", p.path, p.before[p.path], p.wants[p.path], p.got[p.path])
}

// isOldOrNew reports whether the file is as it was before, or as wanted.
func (p faultFile) isOldOrNew() bool {
	return p.got[p.path] == p.before[p.path] || p.got[p.path] == p.wants[p.path]
}

// isLeftover reports whether the file is one of a run that may leave it, under a name
// that nobody takes for real.
func (p faultFile) isLeftover() bool { return p.run.mayLitter() && faultDebris.MatchString(p.path) }

// isRotated reports whether it is a log that has another name now.
func (p faultFile) isRotated() bool { return p.got[p.path] == "" && p.path == "home/logs/"+bootLog }

// isInTheMaking reports whether it is a new directory that has not got its mode yet.
func (p faultFile) isInTheMaking() bool {
	return strings.HasPrefix(p.got[p.path], "0700 ") && strings.HasSuffix(p.wants[p.path], " directory")
}

// slots returns the slots that are, were or are wanted, under each of their names.
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
			asideHas: o.got.below(hidden), asideHad: o.before.below(hidden),
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
	nameHas, nameHad     tree // under the slot's own name: what is there, and was
	asideHas, asideHad   tree // under the hidden name
}

func (s slotView) String() string { return s.path + ":\n" + s.want.changes(s.have) }

// isVisible reports whether a slot may be replaced whole under this name.
func (s slotView) isVisible() bool { return !s.hidden && !s.staged && !s.live }

// hasNoRoom reports whether the run says that s6-svscan takes no more slots.
func (s slotView) hasNoRoom() bool {
	return strings.Contains(s.run.stderr, fmt.Sprintf("profile %q: s6-svscan takes ", strings.TrimPrefix(s.service, "gateway-")))
}

// isBetweenTwoRenames reports whether the old slot is at hand under its hidden name:
// only where the file system cannot exchange is the name free for an instant.
func (s slotView) isBetweenTwoRenames() bool {
	return len(s.asideHad) > 0 && s.asideHas.equal(s.asideHad) ||
		s.run.killed && s.always != "" && s.asideHas.equal(s.old)
}

// differsFrom reports whether a file of the slot, the down file left out, is not as in
// a tree.
func (s slotView) differsFrom(other tree) bool {
	for path := range paths(s.have, other) {
		leftover := s.run.mayLitter() && faultDebris.MatchString(path)
		if path != "/down" && !leftover && s.have[path] != other[path] {
			return true
		}
	}
	return false
}

// nextRun is what an undisturbed run after the one with the fault left.
type nextRun struct {
	*faultOutcome
	problem string // "" where it succeeded
	stands  tree
	now     int  // lines of the boot log
	kept    bool // the boot log
	strays  []string
}

// next makes an undisturbed run.
func (f *faults) next(o *faultOutcome) nextRun {
	f.t.Helper()
	args := f.args
	if f.again != nil {
		args = f.again
	}
	n := nextRun{faultOutcome: o, problem: f.tryPlain(args), stands: f.read()}
	if f.supervised && !testenv.Holds(func() bool { return len(f.strays()) == 0 }) {
		n.strays = f.strays()
	}
	n.now, n.kept = f.logged()
	return n
}

func (n nextRun) String() string {
	return fmt.Sprintf("%s%d lines were added to the boot log, %d before, %d of an undisturbed run, processes in %q\n%s",
		n.problem, n.now, n.added, n.lines, n.strays, n.wants.changes(n.stands))
}

const bootLog = "container-boot.log"

// logged returns how many lines the boot log has more than before the run, and whether
// no line is lost or torn.
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
