package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

const isRunning = `{"desired_state": "running"}`

// profile makes a profile with a state file of that many bytes.
func profile(t *testing.T, home, name string, size int) {
	t.Helper()
	put(t, home, "profiles/"+name+"/"+"SOUL.md", "")
	put(t, home, "profiles/"+name+"/"+"gateway_state.json", isRunning+strings.Repeat(" ", size-len(isRunning)))
}

// countVerdicts counts the entries of profiles/ with a verdict, and with that reason where one is given.
func countVerdicts(l Listing, verdict Verdict, why string) (count int) {
	for _, e := range l.Entries[1:] {
		if e.Verdict == verdict && strings.Contains(e.Why, why) {
			count++
		}
	}
	return count
}

// On a bind mount each ".." of a link costs the kernel as many steps as the directory is deep.
func TestLinkIsFollowedThroughABoundedNumberOfNames(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "far/SOUL.md", "")
	long := func(names int) string { return "." + strings.Repeat("/.", names-3) + "/../far" }
	for name, target := range map[string]string{
		"most":  long(maxSteps),
		"more":  long(maxSteps + 1),
		"first": "second", "second": "../far",
		"below": long(maxSteps/2) + "/up/far", // up adds the other half
		"loop":  "loop",
		"root":  home + "/far",
		"proc":  "/proc/self/cwd",
	} {
		link(t, home, "profiles/"+name, target)
	}
	link(t, home, "far/up", long(maxSteps/2)+"/..")
	l := scanHome(t, home)
	for name, want := range map[string]Verdict{
		"most": Publish, "more": Skipped, "first": Publish, "below": Skipped, "loop": Skipped, "root": Publish, "proc": Skipped,
	} {
		e := entryOf(t, l, name)
		if e.Verdict != want || want == Skipped && e.Why != string(notFollowable) {
			t.Errorf("%s: verdict %d, %s", name, e.Verdict, e.Why)
		}
	}
}

func TestLinksOfAllProfilesShareASum(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	put(t, home, "far/SOUL.md", "")
	const each = 250
	const links = sumSteps/(each-freeSteps) + 20
	for i := range links {
		link(t, home, fmt.Sprintf("profiles/l%04d", i), strings.Repeat("./", each-2)+"../far")
	}
	link(t, home, "profiles/short", strings.Repeat("./", freeSteps-2)+"../far")
	profile(t, home, "real", 100)
	l := scanHome(t, home)
	if n := countVerdicts(l, Failed, string(errTooManySteps)); n != 20 {
		t.Errorf("%d links failed, want 20", n)
	}
	for _, name := range []string{"l0000", "short", "real"} {
		if e := entryOf(t, l, name); e.Verdict != Publish {
			t.Errorf("%s: %s", name, e.Why)
		}
	}
}

func TestStateFilesOfAllProfilesShareASum(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	const over = 3
	for i := range sumStates/(maxStateFile-freeBytes) + over {
		profile(t, home, fmt.Sprintf("a%04d", i), maxStateFile)
	}
	profile(t, home, "small", freeBytes)
	l := scanHome(t, home)
	if n := countVerdicts(l, Failed, string(errTooMuchRead)); n != over {
		t.Errorf("%d profiles failed, want %d", n, over)
	}
	if e := entryOf(t, l, "small"); !e.Profile.Start {
		t.Errorf("the small profile: %+v", e)
	}
}

// Without that the links would exhaust the sum: each of them leads to 64 KiB.
func TestWhatSeveralNamesLeadToIsReadOnce(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	profile(t, home, "real", maxStateFile)
	for i := range 300 {
		link(t, home, fmt.Sprintf("profiles/dir%04d", i), "real")
		mkdir(t, home, fmt.Sprintf("profiles/file%04d", i))
		put(t, home, fmt.Sprintf("profiles/file%04d/%s", i, "SOUL.md"), "")
		link(t, home, fmt.Sprintf("profiles/file%04d/%s", i, "gateway_state.json"), "../real/"+"gateway_state.json")
		put(t, home, fmt.Sprintf("profiles/hard%04d/%s", i, "SOUL.md"), "")
		if err := os.Link(filepath.Join(home, "profiles/real", "gateway_state.json"), filepath.Join(home, fmt.Sprintf("profiles/hard%04d", i), "gateway_state.json")); err != nil {
			t.Fatal(err)
		}
	}
	v := openVolume(t, home)
	l := v.Scan(Options{Autostart: Recorded})
	for _, e := range l.Entries[1:] {
		if e.Verdict != Publish || !e.Profile.Start {
			t.Fatalf("%s: %+v", e.Profile.Name, e)
		}
	}
	if taken := sumStates - v.top.patience.sums.states.left.Load(); taken != maxStateFile-freeBytes {
		t.Errorf("%d bytes taken from the sum, want %d", taken, maxStateFile-freeBytes)
	}
}

func TestPlainFilesCostNoSystemCallAndSharedFilesOneRead(t *testing.T) {
	t.Parallel()
	calls := underStrace(t, "TestScanOfManyNames", "-e", "trace=openat,openat2,newfstatat,readlinkat,faccessat2")
	for part, want := range map[string]int{`, "note`: 0, `, "gateway_state.json", O_RDONLY`: 1} {
		if n := strings.Count(calls, part); n != want {
			t.Errorf("%d calls with %s, want %d\n%s", n, part, want, calls)
		}
	}
}

// It makes files by absolute paths, which the other test tells from the names that a scan uses.
func TestScanOfManyNames(t *testing.T) {
	home := newHome(t)
	profile(t, home, "real", 1000)
	for i := range 20 {
		put(t, home, fmt.Sprintf("profiles/note%d", i), "")
		fifo(t, home, fmt.Sprintf("profiles/note%d.pipe", i))
	}
	if err := os.Rename(home+"/profiles/real", home+"/elsewhere"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		link(t, home, fmt.Sprintf("profiles/l%d", i), "../elsewhere")
	}
	if l := scanHome(t, home); len(l.Entries) != 61 || countVerdicts(l, Publish, "") != 20 || countVerdicts(l, Ignored, "not a directory") != 40 {
		t.Errorf("%d entries: %+v", len(l.Entries), l.Entries)
	}
}

func TestNumberOfDirectoriesIsBounded(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	for i := range maxCounted {
		mkdir(t, home, fmt.Sprintf("profiles/d%05d", i))
	}
	for i := range maxPlain + 10 {
		put(t, home, fmt.Sprintf("profiles/n%05d", i), "")
	}
	profile(t, home, "a", 100)
	profile(t, home, "z", 100)
	l := scanHome(t, home)
	if want := "more than 10000 directories and links, of which the rest is not read"; l.Err == nil || !strings.HasSuffix(l.Err.Error(), want) || l.Complete {
		t.Errorf("error %v", l.Err)
	}
	if _, found := l.Find("z"); found || len(l.Entries) != 1+maxCounted+maxPlain || !entryOf(t, l, "a").Profile.Start {
		t.Errorf("%d entries", len(l.Entries))
	}
	only := openVolume(t, home).Scan(Options{Autostart: Recorded, Only: []string{"z"}})
	if !entryOf(t, only, "z").Profile.Start {
		t.Error("a profile that was asked for is not read")
	}
}

func TestOnlyTheFilesOfChosenProfilesAreRead(t *testing.T) {
	home := newHome(t)
	for _, name := range []string{"chosen", "other"} {
		put(t, home, "profiles/"+name+"/SOUL.md", "")
		put(t, home, "profiles/"+name+"/gateway_state.json", "no JSON")
		put(t, home, "profiles/"+name+"/config.yaml", "standalone: [")
	}
	put(t, home, "profiles/third/SOUL.md", "")
	put(t, home, "profiles/third/gateway_state.json", isRunning)
	mkdir(t, home, "profiles/empty")
	v := openVolume(t, home)
	for _, tt := range []struct {
		policy             Policy
		only               []string
		warnings, notices  int
		defaultStart, read bool
	}{
		{Recorded, nil, 2, 0, false, true},
		{Recorded, []string{"chosen"}, 1, 0, false, false},
		{Recorded, []string{DefaultName}, 0, 0, false, false},
		{Multiplex, []string{"chosen", "third"}, 2, 0, false, true},
		{Multiplex, []string{DefaultName}, 4, 1, true, true},
	} {
		l := v.Scan(Options{Autostart: tt.policy, Only: tt.only})
		if len(l.Warnings) != tt.warnings || len(l.Notices) != tt.notices || l.Entries[0].Profile.Start != tt.defaultStart {
			t.Errorf("%s, only %q: warnings %q, notices %q", tt.policy, tt.only, l.Warnings, l.Notices)
		}
		if e := entryOf(t, l, "third"); e.Verdict != Publish || e.Profile.Service != "gateway-third" || e.Intent.Known != tt.read {
			t.Errorf("%s, only %q: %+v", tt.policy, tt.only, e)
		}
		if e := entryOf(t, l, "empty"); e.Verdict != Ignored {
			t.Errorf("%s, only %q: %+v", tt.policy, tt.only, e)
		}
	}
}

func TestEntryOfUnknownTypeIsLookedAt(t *testing.T) {
	home := newHome(t)
	put(t, home, "file", "")
	mkdir(t, home, "dir")
	link(t, home, "link", "gone")
	top := openVolume(t, home).top
	for name, want := range map[string]bool{"file": true, "dir": false, "link": false, "gone": false} {
		if got := top.isPlain([]byte(name), unix.DT_UNKNOWN); got != want {
			t.Errorf("%s is plain: %v", name, got)
		}
	}
}
