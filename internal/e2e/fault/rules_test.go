package fault

import (
	"fmt"
	"regexp"
	"strings"

	"slotgen/internal/e2e/harness"
)

// faultRule is one rule of publishing. It applies to things of one type: a run, a file or a slot.
type faultRule[T fmt.Stringer] struct {
	name string
	// applies reports whether the rule is about a thing.
	applies func(T) bool
	// holds reports whether the thing keeps the rule.
	holds func(T) bool
}

// broken returns a message for each rule that a thing breaks.
func broken[T fmt.Stringer](rules []faultRule[T], thing T) []string {
	var broken []string
	for _, r := range rules {
		if r.applies(thing) && !r.holds(thing) {
			broken = append(broken, fmt.Sprintf("BROKEN: %s\n%s", r.name, thing))
		}
	}
	return broken
}

// broken returns a message for each rule that the run has broken.
func (o *faultOutcome) broken() []string {
	all := broken(runRules, o)
	for _, p := range o.files() {
		all = append(all, broken(fileRules, p)...)
	}
	for _, s := range o.slots() {
		all = append(all, broken(slotRules, s)...)
	}
	return all
}

func (n nextRun) broken() []string { return broken(nextRules, n) }

// fileRules are the rules about single files. A run that can't find the container's role makes
// another pass than the wanted one.
var fileRules = []faultRule[faultFile]{{
	name:    "A file outside the slots is whole and old, or whole and new.",
	applies: func(p faultFile) bool { return p.slot == "" },
	holds:   func(p faultFile) bool { return p.isOldOrNew() || p.isRotated() || p.isLeftover() },
}, {
	name: "In a live slot each file is whole and old, or whole and new.",
	applies: func(p faultFile) bool {
		_, name, _ := strings.Cut(p.slot, "/")
		return p.live[name] && !p.run.unknownRole()
	},
	holds: func(p faultFile) bool { return p.isOldOrNew() || p.isInTheMaking() || p.isLeftover() },
}}

var slotRules = []faultRule[slotView]{{
	name:    "A slot is whole and old, or whole and new.",
	applies: func(s slotView) bool { return s.isVisible() && len(s.have) > 0 && !s.run.unknownRole() },
	holds:   func(s slotView) bool { return s.have.equal(s.want) || s.have.equal(s.old) || s.have.equal(s.hiddenHad) },
}, {
	name: "The name of a slot is never free.",
	applies: func(s slotView) bool {
		return s.isVisible() && len(s.old)+len(s.hiddenHad) > 0 && !s.hasNoRoom() && !s.run.unknownRole()
	},
	holds: func(s slotView) bool { return len(s.have) > 0 || len(s.want) == 0 || s.isBetweenTwoRenames() },
}, {
	name: "A hidden slot that may get its name back is whole.",
	applies: func(s slotView) bool {
		return s.hidden && len(s.have) > 0 && len(s.nameHas) == 0 && !s.run.unknownRole()
	},
	holds: func(s slotView) bool { return s.have.equal(s.nameHad) || s.have.equal(s.hiddenHad) },
}, {
	name: "A staged slot is left only by a run that is killed, or says so.",
	applies: func(s slotView) bool {
		return s.staged && !s.run.mayLeaveFiles() && len(s.old) == 0 && !s.run.unknownRole()
	},
	holds: func(s slotView) bool { return len(s.have) == 0 },
}, {
	name:    "In a live slot the down file is written first.",
	applies: func(s slotView) bool { return s.live && s.want["/down"] != "" && !s.run.unknownRole() },
	holds:   func(s slotView) bool { return s.have["/down"] != "" || !s.differsFrom(s.old) },
}, {
	name:    "In a live slot the down file is removed last.",
	applies: func(s slotView) bool { return s.live && s.old["/down"] != "" && !s.run.unknownRole() },
	holds:   func(s slotView) bool { return s.have["/down"] != "" || !s.differsFrom(s.want) },
}}

// notForOneProfile matches an error that concerns all profiles.
var notForOneProfile = regexp.MustCompile(`(?m)^slotgen: error: (reading|listing scandir|looking at) `)

var runRules = []faultRule[*faultOutcome]{{
	name:    "The boot log loses no line and holds no torn one.",
	applies: func(*faultOutcome) bool { return true },
	holds:   func(o *faultOutcome) bool { return o.whole },
}, {
	name:    "All lines of a pass are added to the boot log at once.",
	applies: func(o *faultOutcome) bool { return o.run.killed },
	holds:   func(o *faultOutcome) bool { return o.added == 0 || o.added == o.lines },
}, {
	name:    "The exit code is 0, 1 or 2.",
	applies: func(o *faultOutcome) bool { return !o.run.killed },
	holds:   func(o *faultOutcome) bool { return o.run.code >= harness.ExitOK && o.run.code <= harness.ExitUsage },
}, {
	name:    "A call that may succeed at another time is repeated.",
	applies: func(o *faultOutcome) bool { return o.fault.passes() },
	holds:   func(o *faultOutcome) bool { return o.complete() && !o.run.reports(o.fault.errno.Error()) },
}, {
	name:    "A run never panics.",
	applies: func(*faultOutcome) bool { return true },
	holds:   func(o *faultOutcome) bool { return !strings.Contains(o.run.stderr, "goroutine ") },
}, {
	name:    "Exit code 0: no profile fails.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitOK) },
	holds:   func(o *faultOutcome) bool { return len(o.fails) == 0 },
}, {
	name:    "Exit code 0: every slot is as wanted.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitOK) },
	holds:   func(o *faultOutcome) bool { return o.slotsAsWanted(nil) || o.run.unknownRole() },
}, {
	name:    "Exit code 0: a warning tells of what is left undone.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitOK) && !o.complete() },
	holds:   func(o *faultOutcome) bool { return o.run.reports("slotgen: warning: ") },
}, {
	name:    "Exit code 1: an error tells of it.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitIncomplete) },
	holds:   func(o *faultOutcome) bool { return o.run.reports("slotgen: error: ") },
}, {
	name:    "Exit code 1: a profile whose slot is not as wanted is said to have failed.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitIncomplete) && o.args[0] == "reconcile" },
	holds: func(o *faultOutcome) bool {
		return o.slotsAsWanted(o.failed) || notForOneProfile.MatchString(o.run.stderr)
	},
}, {
	name:    "Exit code 1: one bad profile does not stop the others.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitIncomplete) && !o.hitsAll() },
	holds:   func(o *faultOutcome) bool { return len(o.failed)-o.overCapacity <= 1 },
}, {
	name:    "Exit code 1: each failed profile has a line.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitIncomplete) },
	holds:   (*faultOutcome).hasLines,
}, {
	name:    "Exit code 2: nothing is touched.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitUsage) },
	holds:   (*faultOutcome).untouched,
}, {
	name:    "Exit code 2: an error tells of it.",
	applies: func(o *faultOutcome) bool { return o.failsWith(harness.ExitUsage) },
	holds:   func(o *faultOutcome) bool { return strings.Contains(o.run.stderr, "slotgen: error: ") },
}, {
	name: "An error says what the system said.",
	applies: func(o *faultOutcome) bool {
		return !o.run.killed && o.run.code != harness.ExitOK && (len(o.fails) == 0 || !o.complete())
	},
	holds: func(o *faultOutcome) bool { return o.run.reports(o.fault.errno.Error()) },
}}

// nextRules are the rules about an undisturbed run after the run with the fault.
var nextRules = []faultRule[nextRun]{{
	name:    "The next run succeeds.",
	applies: func(nextRun) bool { return true },
	holds:   func(n nextRun) bool { return n.problem == "" },
}, {
	name:    "The next run leaves what an undisturbed one leaves.",
	applies: func(nextRun) bool { return true },
	holds:   func(n nextRun) bool { return n.after.equal(n.wants) },
}, {
	name:    "The next run leaves no process of a removed slot.",
	applies: func(n nextRun) bool { return n.supervised },
	holds:   func(n nextRun) bool { return len(n.strays) == 0 },
}, {
	name:    "The next run adds its lines to the boot log, and keeps all others.",
	applies: func(nextRun) bool { return true },
	holds:   func(n nextRun) bool { return n.kept && n.now == n.added+n.lines },
}}
