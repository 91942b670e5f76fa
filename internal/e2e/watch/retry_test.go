package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

func TestWatchRestsWhenAProfileThatFailedIsGone(t *testing.T) {
	testenv.NeedTime(t, "leaves a watch alone for seconds")
	l := newLone(t, 1)
	l.start(nil, "--interval", "1s")
	bad := filepath.Join(l.templates, "profiles/bad")
	if err := os.MkdirAll(bad, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bad, "run.tmpl"), []byte("{{ .Nope }}"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.profile("bad")
	l.waitOutput(`error: profile "bad": `)
	l.remove(filepath.Join(l.home, "profiles/bad"))
	l.checkIdle(5 * time.Second)
}

func TestWatchGivesTheRoomOfAPrunedSlotToOneThatHadNone(t *testing.T) {
	t.Parallel()
	testenv.NeedTime(t, "waits until an orphan is believed")
	l := newLone(t, 1)
	l.profile("leaves")
	l.start(nil, "--interval", "1h", "--prune-after", "2s", "--max-services", "6")
	l.profile("waits")
	l.waitOutput(`error: profile "waits": `)
	l.remove(filepath.Join(l.home, "profiles/leaves"))
	l.waitFor("a slot", func() bool { return l.hasSlot("waits") })
}

// The directory profiles/default has no effect on the default profile, which is the home.
func TestWatchTriesTheDefaultProfileAgainWhateverIsCalledSo(t *testing.T) {
	t.Parallel()
	l := newLone(t, 1)
	inTheWay := filepath.Join(l.service, "gateway-default")
	if err := os.WriteFile(inTheWay, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.start(nil, "--interval", "1s")
	l.profile("default")
	l.waitOutput("warning: profiles/default/ exists")
	l.remove(filepath.Join(l.home, "profiles/default"))
	l.profile("after")
	l.waitFor("what comes after it", func() bool { return l.hasSlot("after") })
	l.remove(inTheWay)
	l.waitFor("its slot", func() bool {
		info, err := os.Lstat(inTheWay)
		return err == nil && info.IsDir()
	})
}

// The watch holds a directory open while it waits for its SOUL.md.
func TestWatchLeavesDescriptorsToItsPasses(t *testing.T) {
	t.Parallel()
	const limit = 128
	l := newLone(t, 1)
	l.start([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, limit), "sh"}, "--interval", "1h")
	for i := range 2 * limit {
		if err := os.Mkdir(filepath.Join(l.home, fmt.Sprintf("profiles/waits%d", i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l.waitOutput(fmt.Sprintf("more than %d directories to be watched: looking at everything every 5s", limit/2))
	l.profile("new")
	l.waitFor("a slot", func() bool { return l.hasSlot("new") })
}

// The container's command line says what the container was at its boot, not at run time.
func TestWatchMigratesAtItsFirstPassOnly(t *testing.T) {
	t.Parallel()
	l, proc := newLone(t, 0), t.TempDir()
	if err := os.Mkdir(filepath.Join(proc, "1"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cmdline": "/init\x00/opt/hermes/docker/main-wrapper.sh\x00gateway\x00run\x00", "status": harness.RootsStatus,
	} {
		if err := os.WriteFile(filepath.Join(proc, "1", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l.start(nil, "--interval", "1h", "--proc", proc)
	state := filepath.Join(l.home, "gateway_state.json")
	if !strings.Contains(harness.ReadText(t, state), "legacy-container-cmd") {
		t.Fatal("no state was recorded at the first pass")
	}
	l.remove(state)
	l.lookAgain()
	if harness.Exists(state) {
		t.Error("a state is recorded again at run time")
	}
}
