package fault

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// faultsVar names the variable that chooses the faults of TestFaults. With "all" the test injects
// every fault at every call, otherwise only those that plan chooses.
const faultsVar = "SLOTGEN_FAULTS"

// TestFaults kills slotgen at its file system calls and makes them fail, in one situation after
// the other. What a run leaves has to keep the rules of publishing. The next run has to complete
// it to the result of an undisturbed run.
func TestFaults(t *testing.T) {
	testenv.NeedTime(t, "makes thousands of runs under strace")
	testenv.NeedProgram(t, "strace")
	table, planned := &faultTable{}, plannedPlaces{map[string]bool{}, map[string]bool{}}
	t.Run("situations", func(t *testing.T) {
		for _, s := range situations() {
			t.Run(s.name, func(t *testing.T) {
				f := newFaults(t, s)
				faults := f.plan(f.reference(), os.Getenv(faultsVar) == "all", planned)
				t.Parallel()
				f.sweep(faults, table)
				f.checkCallCounts()
			})
		}
	})
	t.Logf("\n%s", table)
}

// faults is one situation with its directory and its expected results.
type faults struct {
	situation
	t *testing.T
	// dir holds root, which arguments call ~, and the prepared copy of root.
	dir, root string

	before, wants tree
	log, oldest   string // the boot log and the rotated one before the run
	lines         int    // the number of lines that an undisturbed run adds
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
	defer f.setUp()()
	f.before, f.log, f.oldest = f.read(), f.readLog(bootLog), f.readLog(bootLog+".1")
	f.mustRun(f.args...)
	f.wants = f.read()
	added, whole := f.logged()
	if f.lines = added; !whole || f.before.equal(f.wants) && added == 0 {
		t.Fatalf("an undisturbed run changes nothing, or loses or tears lines of the boot log:\n%s", f.readLog(bootLog))
	}
	return f
}

// memoryDir makes a directory for the test, in memory if possible. A scandir is in memory too, and
// runs need not wait for a disk.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slotgen-faults-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		dir, err = os.MkdirTemp("/tmp", "slotgen-faults-") //nolint:usetesting // the user of the volume can't enter t.TempDir
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (f *faults) prepared() string { return filepath.Join(f.dir, "prepared") }

// setUp gives root its state before a run. The returned function ends the arrangement.
func (f *faults) setUp() func() {
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

// command returns a command line of slotgen, with ~ replaced by the root.
func (f *faults) command(program string, args []string) []string {
	line := []string{program}
	for _, arg := range args {
		line = append(line, strings.Replace(arg, "~", f.root, 1))
	}
	return line
}

// mustRun runs slotgen undisturbed and fails the test when slotgen fails.
func (f *faults) mustRun(args ...string) {
	f.t.Helper()
	if problem := f.tryRun(args); problem != "" {
		f.t.Fatal(problem)
	}
}

func (f *faults) tryRun(args []string) string {
	f.t.Helper()
	line := f.command(harness.SlotgenBinary(f.t), args)
	cmd := exec.Command("sh", append([]string{"-c", faultShell}, line...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil && (cmd.ProcessState.ExitCode() != harness.ExitIncomplete || len(f.fails) == 0) {
		return fmt.Sprintf("%q: %v\n%s", args, err, out)
	}
	return ""
}

// sweep injects faults. A run can take another course, so that a fault hits another call. Then
// sweep checks that fault too and tries the missed one again.
func (f *faults) sweep(planned []fault, table *faultTable) {
	f.t.Helper()
	done := map[string]bool{}
	for try := 0; len(planned) > 0 && try < 10; try++ {
		n := map[string]int{}
		for _, c := range f.reference() {
			n[c.key()] = c.n
		}
		for _, x := range planned {
			x.call.n = cmp.Or(n[x.call.key()], x.call.n)
			if hit, found := f.inject(x, table); found {
				done[hit.String()] = true
			}
		}
		planned = slices.DeleteFunc(planned, func(x fault) bool { return done[x.String()] })
	}
	for _, x := range planned {
		// Runs under s6 poll, and a separate thread writes messages. Such calls can vary.
		if !x.call.prints() && (!f.supervised || x.call.renames()) {
			f.t.Errorf("%s: was never hit", x)
		}
	}
}

// inject makes one run with a fault and checks the result. It returns the fault that strace
// injected, and whether it injected one.
func (f *faults) inject(x fault, table *faultTable) (fault, bool) {
	f.t.Helper()
	defer f.setUp()()
	narrowed, path := x.onOneFile(f.dir)
	run := f.trace(x.call.name, append(path, narrowed.options()...)...)
	call, found := run.hit(x.call.name)
	if !found || run.killed != x.kills() {
		return x, false
	}
	x.call = call
	o := f.outcome(x, run)
	table.add(f, x, run, o.got)
	broken := o.broken()
	broken = append(broken, f.next(o).broken()...)
	if len(broken) > 0 {
		f.t.Errorf("%s:\n%s\nexit code %d\n%s%s", x, strings.Join(broken, "\n"), run.code, run.stdout, run.stderr)
	}
	return x, true
}

// checkCallCounts checks that a run makes no kind of call more often than an undisturbed run.
func (f *faults) checkCallCounts() {
	f.t.Helper()
	if f.supervised {
		return
	}
	most := map[string]faultCall{}
	for _, c := range f.reference() {
		if c.n >= most[c.name].n {
			most[c.name] = c
		}
	}
	var options []string
	for _, c := range most {
		c.n++
		options = append(options, fault{call: c}.options()...)
	}
	defer f.setUp()()
	if run := f.trace(strings.Join(slices.Collect(maps.Keys(most)), ","), options...); run.killed {
		f.t.Errorf("there is one call more than the undisturbed run made: %s", run.calls[len(run.calls)-1].key())
	}
}
