package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// faultsVar chooses how many faults TestFaults injects: "all" injects every one
// at every call. Otherwise every place in the program that makes a call is killed
// once and fails once, and every write, rename and removal is killed.
const faultsVar = "SLOTGEN_FAULTS"

// TestFaults kills slotgen at each of its file system calls, and makes each of
// them fail, in one situation after the other. Whatever is left has to be whole
// and told, and the next run has to make it what an undisturbed one makes it.
func TestFaults(t *testing.T) {
	needStrace(t)
	table := &faultTable{}
	t.Run("situations", func(t *testing.T) {
		for _, s := range situations() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				newFaults(t, s).sweep(table)
			})
		}
	})
	t.Logf("\n%s", table)
}

// faults is one situation, with its directory and what is expected of it.
type faults struct {
	situation
	t *testing.T
	// dir holds ~, which is root, and what it is made of before each run.
	dir, root string

	before, wants tree
	log, oldest   string // the boot log before the run, and the rotated one
	lines         int    // that an undisturbed run adds to it
}

func newFaults(t *testing.T, s situation) *faults {
	t.Helper()
	f := &faults{situation: s, t: t, dir: memoryDir(t)}
	f.root = filepath.Join(f.dir, "root")
	for _, dir := range []string{"home/profiles", "templates", "proc"} {
		if err := os.MkdirAll(filepath.Join(f.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.prepare(f)
	if err := os.Rename(f.root, f.prepared()); err != nil {
		t.Fatal(err)
	}
	defer f.arranged()()
	f.before, f.log, f.oldest = f.read(), f.readLog("container-boot.log"), f.readLog("container-boot.log.1")
	f.plain(f.args...)
	f.wants = f.read()
	added, wrong := f.logged()
	if f.lines = added; len(wrong) > 0 || f.before.equal(f.wants) && added == 0 {
		t.Fatalf("an undisturbed run changes nothing, or leaves a log that is no log: %q", wrong)
	}
	return f
}

// memoryDir is a test's own directory, in memory where that can be had: as the
// scandir is, and runs wait for no disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slotgen-faults-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (f *faults) prepared() string { return filepath.Join(f.dir, "prepared") }

// arranged makes ~ what it is before a run, and returns what ends the arrangement.
func (f *faults) arranged() func() {
	f.t.Helper()
	if err := os.RemoveAll(f.root); err != nil {
		f.t.Fatal(err)
	}
	copyTree(f.t, f.prepared(), f.root)
	if f.arrange == nil {
		return func() {}
	}
	return f.arrange(f)
}

func (f *faults) read() tree {
	f.t.Helper()
	return readTree(f.t, f.root, f.leaveOut)
}

// command is a command line of slotgen, in which ~ stands for the root.
func (f *faults) command(program string, args []string) []string {
	line := []string{program}
	for _, arg := range args {
		line = append(line, strings.Replace(arg, "~", f.root, 1))
	}
	return line
}

// plain runs slotgen undisturbed, and has to succeed.
func (f *faults) plain(args ...string) {
	f.t.Helper()
	if problem := f.tryPlain(args); problem != "" {
		f.t.Fatal(problem)
	}
}

func (f *faults) tryPlain(args []string) string {
	f.t.Helper()
	line := f.command(slotgenBinary(f.t), args)
	cmd := exec.Command("sh", append([]string{"-c", faultShell}, line...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil && (cmd.ProcessState.ExitCode() != exitIncomplete || len(f.fails) == 0) {
		return fmt.Sprintf("%q: %v\n%s", args, err, out)
	}
	return ""
}

// sweep injects the faults that are planned. Where one hits another call than it
// was meant for, which a load on the machine can bring about, that one is checked
// too, and the missed one is tried again.
func (f *faults) sweep(table *faultTable) {
	f.t.Helper()
	calls := f.reference()
	all := os.Getenv(faultsVar) == "all"
	planned := plan(calls, all)
	done := map[string]bool{}
	for try := 0; len(planned) > 0 && try < 5; try++ {
		n := f.counts()
		for _, x := range planned {
			x.call.n = cmp.Or(n[x.call.key()], x.call.n)
			if hit, found := f.inject(x, table); found {
				done[hit.String()] = true
			}
		}
		planned = slices.DeleteFunc(planned, func(x fault) bool { return done[x.String()] })
	}
	for _, x := range planned {
		if !f.supervised || x.call.renames() { // it polls: no two runs are the same
			f.t.Errorf("%s: was never hit", x)
		}
	}
	f.endsByItself(calls)
}

// plan chooses the faults: all there are, or an error at each place that makes a
// call, and kills where they can leave something else behind.
func plan(calls []faultCall, all bool) []fault {
	errnos := faultErrors()
	var faults []fault
	sites := map[string]int{}
	for _, c := range calls {
		site, found := sites[c.name+c.site]
		if !found {
			site = len(sites)
			sites[c.name+c.site] = site
		}
		if all || c.changes() || !found && !c.reads() {
			faults = append(faults, fault{call: c})
		}
		for i, errno := range errnos {
			if all || !found && i == site%len(errnos) {
				faults = append(faults, fault{c, errno})
			}
		}
	}
	return faults
}

// inject makes one run with a fault and checks what it leaves. It returns the
// fault as it came about, if it did.
func (f *faults) inject(x fault, table *faultTable) (fault, bool) {
	f.t.Helper()
	defer f.arranged()()
	run := f.trace(x.options()...)
	call, found := run.hit(x.call.name)
	if !found || run.killed != x.kills() {
		return x, false
	}
	x.call = call
	got := f.read()
	added, wrong := f.logged()
	wrong = append(wrong, f.whole(got, run)...)
	if run.killed {
		if added != 0 && added != f.lines {
			wrong = append(wrong, fmt.Sprintf("%d lines were added to the boot log", added))
		}
	} else {
		wrong = append(wrong, f.reported(x, run, got, added)...)
	}
	table.add(f, x, run, got)
	wrong = append(wrong, f.converges(added)...)
	if len(wrong) > 0 {
		f.t.Errorf("%s:\n%s\nexit code %d\n%s%s", x, strings.Join(wrong, "\n"), run.code, run.stdout, run.stderr)
	}
	return x, true
}

// converges makes a plain run, and says in what way it does not leave what an
// undisturbed one leaves.
func (f *faults) converges(added int) []string {
	f.t.Helper()
	args := f.args
	if f.again != nil {
		args = f.again
	}
	var wrong []string
	if problem := f.tryPlain(args); problem != "" {
		wrong = append(wrong, "the next run fails: "+problem)
	}
	if got := f.read(); !got.equal(f.wants) {
		wrong = append(wrong, "the next run does not converge:\n"+f.wants.changes(got))
	}
	if f.supervised && !testenv.Holds(func() bool { return len(f.strays()) == 0 }) {
		wrong = append(wrong, fmt.Sprintf("processes are left in %q", f.strays()))
	}
	now, lost := f.logged()
	if now != added+f.lines {
		lost = append(lost, fmt.Sprintf("the next run adds %d lines to the boot log, want %d", now-added, f.lines))
	}
	return append(wrong, lost...)
}

// endsByItself holds that no kind of call is made once more than was planned for.
func (f *faults) endsByItself(calls []faultCall) {
	f.t.Helper()
	most := map[string]faultCall{}
	for _, c := range calls {
		if c.n >= most[c.name].n {
			most[c.name] = c
		}
	}
	for _, c := range most {
		if c.n++; f.supervised {
			continue
		}
		undo := f.arranged()
		if run := f.trace(fault{call: c}.options()...); run.killed {
			f.t.Errorf("there is a %d. %s, which the undisturbed run did not make", c.n, c.name)
		}
		undo()
	}
}
