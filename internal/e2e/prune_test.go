package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forget removes a profile from the volume.
func (c *container) forget(name string) {
	c.t.Helper()
	if err := os.RemoveAll(filepath.Join(c.home, "profiles", name)); err != nil {
		c.t.Fatal(err)
	}
}

// pass runs a pass for which services have to end, and returns what it left. Where they need more
// time than a pass gives them, as on a slow machine, it runs more passes, and their output is added.
func (c *container) pass(args ...string) (all execResult) {
	c.t.Helper()
	c.waitFor("the services to end", func() bool {
		got := c.run("root", append([]string{"slotgen", "reconcile"}, args...)...)
		all = execResult{all.stdout + got.stdout, all.stderr + got.stderr, got.code}
		return !strings.Contains(got.stderr, "still runs in")
	})
	return all
}

// stubborn gives a profile a run script that ends with the given shell text.
func (c *container) stubborn(profile, text string) {
	c.t.Helper()
	c.override("profiles/"+profile+"/run.tmpl", "#!/bin/sh\n"+text+"\n")
}

// checkGone holds that nothing of a slot is left: no directory, no process.
func checkGone(t *testing.T, c *container, service string) {
	t.Helper()
	if c.hasSlot(service) || len(c.hidden()) > 0 {
		t.Errorf("%s stands: %v, hidden: %q", service, c.hasSlot(service), c.hidden())
	}
	c.waitFor("the supervisors of "+service+" to be gone", func() bool {
		n := c.supervisors()
		return n[service] == 0 && n[service+"/log"] == 0
	})
	if lost := c.inDeletedDirs(); len(lost) > 0 {
		t.Errorf("in deleted directories: %+v", lost)
	}
}

func TestContainerPruneLosesNoLine(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.profile("gone", running)
		finish := strings.Replace(c.mustRun("root", "slotgen", "templates", "show", "--file", "finish"),
			"case ", "echo gone finish $1\ncase ", 1)
		c.override("profiles/gone/finish.tmpl", finish)
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-coder", "gateway-gone")
		c.waitFor("some lines of gone", func() bool { return len(c.logLines("gone")) > 5 })
		coder := c.servicePID("gateway-coder")
		c.forget("gone")

		got := c.run("root", "slotgen", "reconcile", "--rescan")
		if want := `slotgen: warning: slot "gateway-gone" has no profile: left alone, reconcile --prune removes it`; got.code != 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("without --prune: exit code %d, stderr:\n%s", got.code, got.stderr)
		}
		if got := c.run("root", "slotgen", "reconcile", "--prune", "--profile", "coder"); got.code != 0 || !c.isUp("gateway-gone") {
			t.Errorf("it is gone, or down, though only coder was asked for: exit code %d", got.code)
		}
		if got := c.run("root", "slotgen", "reconcile", "--prune", "--dry-run"); !c.isUp("gateway-gone") ||
			!strings.Contains(got.stderr, `would prune slot "gateway-gone"`) {
			t.Errorf("a dry run says\n%s", got.stderr)
		}
		got = c.run("root", "slotgen", "reconcile", "--prune", "--profile", "gone")
		if got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, `pruned slot "gateway-gone": its profile is gone`) ||
			!strings.Contains(got.stderr, "1 pruned") {
			t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		checkGone(t, c, "gateway-gone")
		checkLines(t, c, "gone")
		lines := c.logLines("gone")
		if n := len(lines); n < 2 || !strings.HasSuffix(lines[n-2], " last") || lines[n-1] != "gone finish 1" {
			t.Errorf("the log ends in %q, want the last line and the finish script's", lines[max(0, n-3):])
		}
		if c.servicePID("gateway-coder") != coder {
			t.Error("another service was restarted")
		}
	})
}

func TestContainerPruneIsBoundedWhateverTheServiceDoes(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("deaf", running)
		c.profile("parent", running)
		c.stubborn("deaf", "trap '' TERM\nwhile :; do sleep 1; done")
		c.stubborn("parent", "setsid sleep 1000 &\nexec sleep 1000")
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-deaf", "gateway-parent", "gateway-parent/log", "gateway-deaf/log")
		deaf := c.servicePID("gateway-deaf")
		c.forget("deaf")
		c.forget("parent")

		got := c.run("root", "slotgen", "reconcile", "--prune")
		if n := c.supervisors()["gateway-deaf"]; n != 1 {
			t.Fatalf("deaf has %d supervisors: the pass had nothing to give up", n)
		}
		if got.code != 1 || !strings.Contains(got.stdout, "reconcile: profile=deaf prior_state=None action=failed\n") ||
			!strings.Contains(got.stderr, `slotgen: error: profile "deaf": a supervisor still runs in it: left hidden as ".gateway-deaf.old"`) {
			t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		// On a slow machine the pass gives up parent too, and another one finds its logger ended.
		first := slices.Contains(c.hidden(), ".gateway-parent.old") || strings.Contains(got.stderr, `pruned slot "gateway-parent"`)
		c.waitFor("parent to be gone", func() bool {
			if slices.Contains(c.hidden(), ".gateway-parent.old") {
				c.run("root", "slotgen", "reconcile", "--prune")
			}
			return !slices.Contains(c.hidden(), ".gateway-parent.old")
		})
		if !first {
			t.Errorf("the pass does not tell what became of parent:\n%s", got.stderr)
		}
		if log := readText(t, filepath.Join(c.home, "logs/container-boot.log")); !strings.Contains(log, " profile=deaf prior_state=None action=failed ") {
			t.Errorf("the boot log tells nothing of it:\n%s", log)
		}
		if got := c.hidden(); !slices.Equal(got, []string{".gateway-deaf.old"}) {
			t.Errorf("hidden: %q", got)
		}

		// The profile comes back while the old service still runs: no second one beside it.
		c.profile("deaf", running)
		got = c.run("root", "slotgen", "reconcile", "--rescan")
		if got.code != 1 || c.hasSlot("gateway-deaf") ||
			!strings.Contains(got.stderr, `slotgen: error: profile "deaf": an earlier service of that name still runs in ".gateway-deaf.old"`) {
			t.Errorf("exit code %d\n%s", got.code, got.stderr)
		}
		c.mustRun("root", "kill", "-KILL", strconv.Itoa(deaf))
		c.waitFor("the supervisor to end", func() bool { return c.supervisors()["gateway-deaf"] == 0 })
		c.stubborn("deaf", "exec sleep 1000")
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		if n := c.supervisors()["gateway-deaf"]; n != 1 || len(c.hidden()) > 0 {
			t.Errorf("%d supervisors, hidden: %q", n, c.hidden())
		}
	})
}

// What a prune that was killed leaves, at each of its steps, is finished by the
// next pass, also where the profile is back by then.
func TestContainerKilledPruneIsFinishedByTheNextPass(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		for _, name := range []string{"hidden", "back", "older"} {
			c.profile(name, running)
		}
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-hidden", "gateway-back", "gateway-older")
		c.waitFor("a line of each", func() bool {
			return len(c.logLines("hidden")) > 1 && len(c.logLines("back")) > 1 && len(c.logLines("older")) > 1
		})
		service := c.path("/run/service/")
		for from, to := range map[string]string{
			"gateway-hidden": ".gateway-hidden.old", "gateway-back": ".gateway-back.old",
			"gateway-older": "gateway-older.tmp", // as the older pass left its staging, taken up by s6-svscan
		} {
			if err := os.Rename(service+from, service+to); err != nil {
				t.Fatal(err)
			}
		}
		c.forget("hidden")
		if got := c.pass("--rescan", "--wait", "10m"); got.code != 0 {
			t.Errorf("%+v", got)
		}
		checkGone(t, c, "gateway-hidden")
		c.waitUp("gateway-back", "gateway-older")
		for service, n := range c.supervisors() {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		for _, name := range []string{"hidden", "back", "older"} {
			checkLines(t, c, name)
		}
		if lost := c.inDeletedDirs(); len(lost) > 0 || c.hasSlot("gateway-older.tmp") {
			t.Errorf("in deleted directories: %+v", lost)
		}
	})
}

func TestContainerWhatIsNoOrphanIsNeverPruned(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	for _, name := range []string{"edited", "linked", "coder"} {
		c.profile(name, running)
	}
	c.mustRun("root", "slotgen", "reconcile")
	c.boot()
	slots := []string{"gateway-default", "gateway-edited", "gateway-linked", "gateway-coder"}
	c.waitSupervised(slots...)
	foreign := map[string]string{"gateway-proxy": "/opt/proxy", "gateway-Upper": "", "other": "", "gateway-": ""}
	for name, target := range foreign {
		path := c.path("/run/service/" + name)
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
	if err := os.Mkdir(c.path("/opt/proxy"), 0o755); err != nil {
		t.Fatal(err)
	}
	profiles := filepath.Join(c.home, "profiles")
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
		{"profiles/ leads outside", func() error { return os.Symlink("/etc", profiles) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		c.run("root", "slotgen", "reconcile", "--prune", "--rescan")
		for _, slot := range slots {
			if !c.hasSlot(slot) || c.supervisors()[slot] != 1 {
				t.Errorf("%s: %s is gone", step.what, slot)
			}
		}
		for name := range foreign {
			if !c.hasSlot(name) {
				t.Errorf("%s: %s is gone", step.what, name)
			}
		}
	}
}
