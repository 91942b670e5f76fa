package prune

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// prunePass runs a pass that has to end services and returns its output. On a slow machine the
// services may need more time. Then it runs more passes and adds their output.
func prunePass(c *harness.Container, args ...string) (all harness.ExecResult) {
	c.T.Helper()
	c.WaitFor("the services to end", func() bool {
		got := c.Run("root", append([]string{"slotgen", "reconcile"}, args...)...)
		all = harness.ExecResult{Stdout: all.Stdout + got.Stdout, Stderr: all.Stderr + got.Stderr, Code: got.Code}
		return !strings.Contains(got.Stderr, "still runs in")
	})
	return all
}

func TestContainerPruneLosesNoLine(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Profile("gone", harness.Running)
		finish := strings.Replace(c.MustRun("root", "slotgen", "templates", "show", "--file", "finish"),
			"case ", "echo gone finish $1\ncase ", 1)
		c.Override("profiles/gone/finish.tmpl", finish)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-gone")
		c.WaitFor("some lines of gone", func() bool { return len(c.LogLines("gone")) > 5 })
		coder := c.ServicePID("gateway-coder")
		c.Forget("gone")

		got := c.Run("root", "slotgen", "reconcile", "--rescan")
		if want := `slotgen: warning: slot "gateway-gone" has no profile: left alone, reconcile --prune removes it`; got.Code != 0 || !strings.Contains(got.Stderr, want) {
			t.Errorf("without --prune: exit code %d, stderr:\n%s", got.Code, got.Stderr)
		}
		if got := c.Run("root", "slotgen", "reconcile", "--prune", "--profile", "coder"); got.Code != 0 || !c.IsUp("gateway-gone") {
			t.Errorf("it is gone, or down, though only coder was asked for: exit code %d", got.Code)
		}
		if got := c.Run("root", "slotgen", "reconcile", "--prune", "--dry-run"); !c.IsUp("gateway-gone") ||
			!strings.Contains(got.Stderr, `would prune slot "gateway-gone"`) {
			t.Errorf("a dry run says\n%s", got.Stderr)
		}
		got = c.Run("root", "slotgen", "reconcile", "--prune", "--profile", "gone")
		if got.Code != 0 || got.Stdout != "" || !strings.Contains(got.Stderr, `pruned slot "gateway-gone": its profile is gone`) ||
			!strings.Contains(got.Stderr, "1 pruned") {
			t.Errorf("exit code %d\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		harness.CheckGone(t, c, "gateway-gone")
		harness.CheckLines(t, c, "gone")
		lines := c.LogLines("gone")
		if n := len(lines); n < 2 || !strings.HasSuffix(lines[n-2], " last") || lines[n-1] != "gone finish 1" {
			t.Errorf("the log ends in %q, want the last line and the finish script's", lines[max(0, n-3):])
		}
		if c.ServicePID("gateway-coder") != coder {
			t.Error("another service was restarted")
		}
	})
}

func TestContainerPruneIsBoundedWhateverTheServiceDoes(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("deaf", harness.Running)
		c.Profile("parent", harness.Running)
		c.Stubborn("deaf", "''", "while :; do sleep 1; done")
		c.Stubborn("parent", "-", "setsid sleep 1000 &\nexec sleep 1000")
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitTrap("deaf", "parent")
		c.WaitUp("gateway-parent/log", "gateway-deaf/log")
		deaf := c.ServicePID("gateway-deaf")
		c.Forget("deaf")
		c.Forget("parent")

		got := c.Run("root", "slotgen", "reconcile", "--prune")
		if n := c.Supervisors()["gateway-deaf"]; n != 1 {
			t.Fatalf("deaf has %d supervisors: the pass had nothing to give up", n)
		}
		if got.Code != 1 || !strings.Contains(got.Stdout, "reconcile: profile=deaf prior_state=None action=failed\n") ||
			!strings.Contains(got.Stderr, `slotgen: error: profile "deaf": a supervisor still runs in it: left hidden as ".gateway-deaf.old"`) {
			t.Errorf("exit code %d\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		// On a slow machine the pass may also give up parent. A later pass then removes its slot.
		first := slices.Contains(c.Hidden(), ".gateway-parent.old") || strings.Contains(got.Stderr, `pruned slot "gateway-parent"`)
		c.WaitFor("parent to be gone", func() bool {
			if slices.Contains(c.Hidden(), ".gateway-parent.old") {
				c.Run("root", "slotgen", "reconcile", "--prune")
			}
			return !slices.Contains(c.Hidden(), ".gateway-parent.old")
		})
		if !first {
			t.Errorf("the pass does not tell what became of parent:\n%s", got.Stderr)
		}
		if log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log")); !strings.Contains(log, " profile=deaf prior_state=None action=failed ") {
			t.Errorf("the boot log tells nothing of it:\n%s", log)
		}
		if got := c.Hidden(); !slices.Equal(got, []string{".gateway-deaf.old"}) {
			t.Errorf("hidden: %q", got)
		}

		if got := c.Run("root", "slotgen", "status", "deaf"); !strings.Contains(got.Stdout, "\nstate:    stopping\n") {
			t.Errorf("status of the hidden slot:\n%s%s", got.Stdout, got.Stderr)
		}

		// The profile comes back while the old service still runs. No second service may start.
		c.Profile("deaf", harness.Running)
		got = c.Run("root", "slotgen", "reconcile", "--rescan")
		if got.Code != 1 || c.HasSlot("gateway-deaf") ||
			!strings.Contains(got.Stderr, `slotgen: error: profile "deaf": an earlier service of that name still runs in ".gateway-deaf.old"`) {
			t.Errorf("exit code %d\n%s", got.Code, got.Stderr)
		}
		if got := c.Run("root", "slotgen", "status", "deaf", "-o", "json"); got.Code != 1 ||
			strings.Count(got.Stdout, `"name": "deaf"`) != 1 || !strings.Contains(got.Stdout, `"state": "stopping"`) {
			t.Errorf("status of a profile whose hidden slot still stops: exit code %d\n%s", got.Code, got.Stdout)
		}
		c.MustRun("root", "kill", "-KILL", strconv.Itoa(deaf))
		c.WaitFor("the supervisor to end", func() bool { return c.Supervisors()["gateway-deaf"] == 0 })
		c.Stubborn("deaf", "-", "exec sleep 1000")
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		if n := c.Supervisors()["gateway-deaf"]; n != 1 || len(c.Hidden()) > 0 {
			t.Errorf("%d supervisors, hidden: %q", n, c.Hidden())
		}
	})
}

// The next pass finishes a prune that was killed at any of its steps, even when the profile is
// back by then.
func TestContainerKilledPruneIsFinishedByTheNextPass(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		for _, name := range []string{"hidden", "back", "older"} {
			c.Profile(name, harness.Running)
		}
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-hidden", "gateway-back", "gateway-older")
		c.WaitFor("a line of each", func() bool {
			return len(c.LogLines("hidden")) > 1 && len(c.LogLines("back")) > 1 && len(c.LogLines("older")) > 1
		})
		service := c.Path("/run/service/")
		for from, to := range map[string]string{
			"gateway-hidden": ".gateway-hidden.old", "gateway-back": ".gateway-back.old",
			"gateway-older": "gateway-older.tmp", // the older pass left such staged slots; s6-svscan started them
		} {
			if err := os.Rename(service+from, service+to); err != nil {
				t.Fatal(err)
			}
		}
		c.Forget("hidden")
		if got := prunePass(c, "--rescan", "--wait", "10m"); got.Code != 0 {
			t.Errorf("%+v", got)
		}
		harness.CheckGone(t, c, "gateway-hidden")
		c.WaitUp("gateway-back", "gateway-older")
		for service, n := range c.Supervisors() {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		for _, name := range []string{"hidden", "back", "older"} {
			harness.CheckLines(t, c, name)
		}
		if lost := c.InDeletedDirs(); len(lost) > 0 || c.HasSlot("gateway-older.tmp") {
			t.Errorf("in deleted directories: %+v", lost)
		}
	})
}

func TestContainerWhatIsNoOrphanIsNeverPruned(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	for _, name := range []string{"edited", "linked", "coder"} {
		c.Profile(name, harness.Running)
	}
	c.MustRun("root", "slotgen", "reconcile")
	c.Boot()
	slots := []string{"gateway-default", "gateway-edited", "gateway-linked", "gateway-coder"}
	c.WaitSupervised(slots...)
	foreign := map[string]string{"gateway-proxy": "/opt/proxy", "gateway-Upper": "", "gateway-foreign": "", "other": "", "gateway-": ""}
	for name, target := range foreign {
		path := c.Path("/run/service/" + name)
		var err error
		if target != "" {
			err = os.Symlink(target, path)
		} else {
			err = os.Mkdir(path, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(c.Path("/opt/proxy"), 0o755); err != nil {
		t.Fatal(err)
	}
	profiles := filepath.Join(c.Home, "profiles")
	steps := []struct {
		what string
		do   func() error
	}{
		{"an editor that replaces SOUL.md", func() error { return os.Remove(filepath.Join(profiles, "edited/SOUL.md")) }},
		{"a profile that is a link now", func() error {
			if err := os.RemoveAll(filepath.Join(profiles, "linked")); err != nil {
				return err
			}
			return os.Symlink("/nowhere", filepath.Join(profiles, "linked"))
		}},
		{"profiles/ is a file", func() error {
			if err := os.Rename(profiles, profiles+".away"); err != nil {
				return err
			}
			return os.WriteFile(profiles, nil, 0o644)
		}},
		{"profiles/ is missing", func() error { return os.Remove(profiles) }},
		{"profiles/ leads nowhere", func() error { return os.Symlink("/nowhere", profiles) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		c.Run("root", "slotgen", "reconcile", "--prune", "--rescan")
		for _, slot := range slots {
			if !c.HasSlot(slot) || c.Supervisors()[slot] != 1 {
				t.Errorf("%s: %s is gone", step.what, slot)
			}
		}
		for name := range foreign {
			if !c.HasSlot(name) {
				t.Errorf("%s: %s is gone", step.what, name)
			}
		}
	}
}
