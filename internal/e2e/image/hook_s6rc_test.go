package image

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// s6rcService is the source definition of one s6-rc service.
type s6rcService struct {
	kind  string   // the content of the file type
	lists []string // its dependencies, or the contents of a bundle
}

// readS6RC reads a set of source definitions and checks them by the rules of s6-rc-compile.
// Debian has no s6-rc-compile.
func readS6RC(t *testing.T, dir string) map[string]s6rcService {
	t.Helper()
	services := map[string]s6rcService{}
	for _, name := range harness.NamesIn(t, dir) {
		if strings.HasPrefix(name, "s6rc-") || strings.HasPrefix(name, "s6-rc-") {
			t.Errorf("the name %q is reserved", name)
		}
		at := func(file string) string { return filepath.Join(dir, name, file) }
		s := s6rcService{kind: "bundle"} // the type file of user belongs to s6-overlay
		if text, err := os.ReadFile(at("type")); err == nil {
			s.kind = strings.TrimSuffix(string(text), "\n")
		}
		switch s.kind {
		case "bundle":
			s.lists = harness.NamesIn(t, at("contents.d"))
		case "oneshot":
			s.lists = harness.NamesIn(t, at("dependencies.d"))
			for _, script := range []string{"up", "down"} {
				// "exit" comes first, so execlineb only parses the script.
				if out, err := exec.Command("execlineb", "-c", "exit 0 "+harness.ReadText(t, at(script))).CombinedOutput(); err != nil {
					t.Errorf("%s/%s: %v: %s", name, script, err, out)
				}
			}
		case "longrun":
			s.lists = harness.NamesIn(t, at("dependencies.d"))
			for _, script := range []string{"run", "finish"} {
				if info, err := os.Stat(at(script)); err != nil || info.Mode().Perm() != 0o755 {
					t.Errorf("%s/%s: %v, %v", name, script, info, err)
				}
			}
			if got := harness.ReadText(t, at("notification-fd")); got != "3\n" {
				t.Errorf("%s/notification-fd is %q", name, got)
			}
		default:
			t.Errorf("%s has type %q", name, s.kind)
		}
		services[name] = s
	}
	return services
}

func TestS6RCSetNeedsNothingButBase(t *testing.T) {
	testenv.NeedProgram(t, "execlineb")
	dir := filepath.Join(t.TempDir(), "s6-rc.d")
	write := func() string {
		out, err := exec.Command(harness.SlotgenBinary(t), "hook", "s6-rc", "--out", dir).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	first := write()
	want := map[string]s6rcService{
		"slotgen":       {"oneshot", []string{"base"}},
		"slotgen-watch": {"longrun", []string{"slotgen"}},
		"user":          {"bundle", []string{"slotgen", "slotgen-watch"}},
	}
	if diff := cmp.Diff(want, readS6RC(t, dir), cmp.AllowUnexported(s6rcService{})); diff != "" {
		t.Errorf("the set (-want +got):\n%s", diff)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	slices.Sort(files)
	if err != nil || strings.Join(files, "\n")+"\n" != first {
		t.Errorf("it says that it wrote\n%sand there is %q, %v", first, files, err)
	}
	if second := write(); second != first {
		t.Errorf("a second run writes\n%sand the first\n%s", second, first)
	}
}

// s6-overlay 3.2.3.1 and later name the services of the bundle beside the source definitions.
func TestS6RCBundleEntriesGoWhereTheReleaseLooks(t *testing.T) {
	etc := t.TempDir()
	dir, bundle := filepath.Join(etc, "s6-rc.d"), filepath.Join(etc, "user-bundles.d/user/contents.d")
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(harness.SlotgenBinary(t), "hook", "s6-rc", "--out", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	if names := harness.NamesIn(t, bundle); !slices.Equal(names, []string{"slotgen", "slotgen-watch"}) {
		t.Errorf("the bundle names %q", names)
	}
	if !strings.Contains(string(out), bundle+"/slotgen\n") || harness.Exists(dir+"/user") {
		t.Errorf("there is a bundle of the older releases too, or the list is wrong:\n%s", out)
	}

	// The newer releases ignore the other directory then.
	if err := os.MkdirAll(dir+"/user", 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err = exec.Command(harness.SlotgenBinary(t), "hook", "s6-rc", "--out", dir).Output(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), dir+"/user/contents.d/slotgen\n") {
		t.Errorf("with a bundle in s6-rc.d it writes\n%s", out)
	}
}

// execlineb parses the script of a oneshot into a command line.
func TestContainerS6RCOneshotStartsAndEndsTheGateways(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Household()
		c.ExitWith("broken-bot", 1)
		c.Profile("Bad", harness.Running)
		c.Boot()
		c.MustRun("root", "slotgen", "hook", "s6-rc", "--out", "/etc/s6-overlay/s6-rc.d")
		oneshot := func(script string) harness.ExecResult {
			return overlay(c, "/command/execlineb", "-Pc", harness.ReadText(t, c.Path("/etc/s6-overlay/s6-rc.d/slotgen/"+script)))
		}
		if got := oneshot("up"); got.Code != 0 || !strings.Contains(got.Stderr, "1 skipped") {
			t.Fatalf("up: %+v", got)
		}
		waitLines(c, "default", "coder", "night_watch")

		// A profile that fails does not fail the boot. A missing home does.
		if err := os.RemoveAll(c.Path("/run/service/gateway-2nd-desk")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.Path("/run/service/gateway-2nd-desk"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := oneshot("up"); got.Code != 0 || !strings.Contains(got.Stderr, "1 failed") {
			t.Errorf("up with a profile that fails: %+v", got)
		}

		if got := oneshot("down"); got.Code != 0 || !strings.HasPrefix(got.Stderr, "slotgen: stop: ") {
			t.Errorf("down: %+v", got)
		}
		for _, name := range []string{"default", "coder", "night_watch"} {
			logged := loggedLines(c, name)
			if !slices.ContainsFunc(logged, func(l string) bool { return strings.HasSuffix(l, " last") }) {
				t.Errorf("%s has no last line in its log", name)
			}
			if got := c.Svstat("gateway-" + name); !strings.Contains(got, "unable to") && !strings.Contains(got, "not running") {
				t.Errorf("%s after down: %s", name, got)
			}
		}

		if err := os.WriteFile(c.Path("/run/s6/container_environment/HERMES_HOME"), []byte("/nowhere"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := oneshot("up"); got.Code == 0 || !strings.Contains(got.Stderr, fmt.Sprintf("opening home %q", "/nowhere")) {
			t.Errorf("up without a volume: %+v", got)
		}
	})
}

// A failing down would keep s6-rc from stopping what slotgen depends on.
func TestContainerS6RCOneshotGoesDownBesideALateGateway(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("SLOTGEN_STOP_TIMEOUT", "500"))
		c.Profile("late", harness.Running)
		c.OnTerm("late", "while :; do sleep 1; done\n")
		c.Profile("coder", harness.Running)
		c.Boot()
		c.MustRun("root", "slotgen", "hook", "s6-rc", "--out", "/etc/s6-overlay/s6-rc.d")
		oneshot := func(script string) harness.ExecResult {
			return overlay(c, "/command/execlineb", "-Pc", harness.ReadText(t, c.Path("/etc/s6-overlay/s6-rc.d/slotgen/"+script)))
		}
		if got := oneshot("up"); got.Code != 0 {
			t.Fatalf("up: %+v", got)
		}
		waitLines(c, "late", "coder")
		if got := oneshot("down"); got.Code != 0 || !strings.Contains(got.Stderr, "slotgen: error: not ended after 500 ms:") || !strings.Contains(got.Stderr, " gateway-late") {
			t.Errorf("down: %+v", got)
		}
		c.WaitFor("coder to end", func() bool { return c.Supervisors()["gateway-coder"] == 0 })
		if got := oneshot("up"); got.Code != 0 {
			t.Errorf("up again: %+v", got)
		}
		c.WaitUp("gateway-coder")
	})
}
