package watch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
)

// keeps returns a function that looks again and again until the watcher would have pruned any
// orphan. Then it checks that the services are up, as the same processes as before.
func (w watcher) keeps(services ...string) (check func(what string)) {
	w.C.T.Helper()
	pids := make([]int, len(services))
	for i, service := range services {
		pids[i] = w.C.ServicePID(service)
	}
	return func(what string) {
		w.C.T.Helper()
		for start := time.Now(); time.Since(start) < 2*confirmAfter; {
			w.lookAgain()
		}
		for i, service := range services {
			if pid := w.C.ServicePID(service); pid != pids[i] || !w.C.IsUp(service) {
				w.C.T.Errorf("%s: %s is process %d, was %d: %s", what, service, pid, pids[i], w.C.Svstat(service))
			}
		}
	}
}

func TestContainerWatchEndsTheGatewayOfARenamedProfile(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("a", harness.Running)
		c.Profile("rests", harness.Stopped)
		c.Boot()
		w := startWatch(c, "--prune-after", "2s")
		c.WaitUp("gateway-a")
		c.CheckDown("gateway-rests")
		c.WaitFor("some lines of a", func() bool { return len(c.LogLines("a")) > 5 })
		profiles := filepath.Join(c.Home, "profiles")
		if err := errors.Join(os.Rename(profiles+"/a", profiles+"/b"), os.Rename(profiles+"/rests", profiles+"/sleeps")); err != nil {
			t.Fatal(err)
		}
		c.WaitUp("gateway-b")
		c.CheckDown("gateway-sleeps")
		b := c.ServicePID("gateway-b")
		w.waitOutput(`slotgen: pruned slot "gateway-a": its profile is gone`)
		w.waitOutput(`slotgen: pruned slot "gateway-rests": its profile is gone`)
		c.WaitFor("what was hidden to go", func() bool { return len(c.Hidden()) == 0 })
		harness.CheckGone(t, c, "gateway-a")
		harness.CheckGone(t, c, "gateway-rests")
		harness.CheckLines(t, c, "a")
		if c.ServicePID("gateway-b") != b {
			t.Error("the new gateway was restarted")
		}
		checkOneOfEach(t, c)
	})
}

// The volume has profiles/ as a mount of its own. A gateway must outlive an unmount, whatever lies
// below.
func TestContainerWatchEndsNoGatewayOfAnUnmountedVolume(t *testing.T) {
	for what, below := range map[string][]string{"a profile lies below": {"below"}, "nothing lies below": nil} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := harness.NewContainer(t, harness.OwnS6())
			c.Profile("a", harness.Running)
			c.Profile("b", harness.Running)
			if err := os.Rename(c.Home+"/profiles", c.Home+"/volume"); err != nil {
				t.Fatal(err)
			}
			mkdirIn(c, "profiles")
			for _, name := range below {
				c.Profile(name, harness.Stopped)
			}
			mount := func() {
				t.Helper()
				c.MustRun("root", "mount", "--bind", "/opt/data/volume", "/opt/data/profiles")
			}
			mount()
			c.Boot()
			w := startWatch(c, "--prune-after", "2s", "--interval", "1s")
			c.WaitUp("gateway-a", "gateway-b")
			stays := w.keeps("gateway-a", "gateway-b")
			c.MustRun("root", "umount", "--lazy", "/opt/data/profiles") // the watcher has it open
			w.waitOutput("left alone 2 slots without a profile (gateway-a, gateway-b): profiles/ is another directory")
			w.waitOutput("slotgen: hint: is the volume mounted? to remove them, restart slotgen watch or run slotgen reconcile --prune\n")
			stays("it is not mounted")
			mount()
			stays("it is mounted again")
			if output := w.output(); strings.Count(output, "left alone") != 1 || strings.Contains(output, `pruned slot "gateway-a"`) {
				t.Errorf("the watcher said\n%s", output)
			}
			if err := os.RemoveAll(c.Home + "/volume/a"); err != nil {
				t.Fatal(err)
			}
			w.waitOutput(`slotgen: pruned slot "gateway-a": its profile is gone`)
			checkOneOfEach(t, c)
		})
	}
}

func TestContainerWatchOnlyNamesTheSlotOfTheLastProfile(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("a", harness.Running)
	c.Profile("b", harness.Running)
	c.Boot()
	w := startWatch(c, "--prune-after", "2s")
	c.WaitUp("gateway-a", "gateway-b")
	stays := w.keeps("gateway-a", "gateway-b")
	w.stop() // so that it sees both profiles go at once
	c.Forget("a")
	c.Forget("b")
	w.resume()
	const doubt = "slotgen: warning: left alone 2 slots without a profile (gateway-a, gateway-b): profiles/ holds no profile\n"
	w.waitOutput(doubt + "slotgen: hint: is the volume mounted? to remove them, run slotgen reconcile --prune\n")
	stays("no profile is left")
	if n := strings.Count(w.output(), doubt); n != 1 {
		t.Errorf("that was said %d times:\n%s", n, w.output())
	}
	c.MustRun("root", "slotgen", "reconcile", "--prune", "--profile", "a")
	harness.CheckGone(t, c, "gateway-a")
	if !c.IsUp("gateway-b") {
		t.Errorf("b: %s", c.Svstat("gateway-b"))
	}
	c.Profile("c", harness.Stopped)
	w.waitOutput(`slotgen: pruned slot "gateway-b": its profile is gone`)
}

// Two services of somebody else have the names of slots, one of them the name of a profile.
func TestContainerForeignServiceWithTheNameOfASlotIsLeftAlone(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("taken", harness.Stopped)
		c.Profile("other", harness.Running)
		foreign := []string{"gateway-proxy", "gateway-taken"}
		for _, service := range foreign {
			dir := c.Path("/run/service/" + service)
			if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/run", []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755)); err != nil {
				t.Fatal(err)
			}
		}
		c.Boot()
		c.WaitUp(foreign...)
		w := startWatch(c, "--prune-after", "2s")
		c.WaitUp("gateway-other")
		w.waitOutput(`slotgen: error: profile "taken": comparing slot "gateway-taken": it has no file "type", so slotgen did not make it`)
		stays := w.keeps(foreign...)
		stays("a watch that prunes")
		got := c.Run("root", "slotgen", "reconcile", "--prune", "--rescan")
		if got.Code != 1 || !strings.Contains(got.Stdout, "profile=taken prior_state=stopped action=failed\n") {
			t.Errorf("exit code %d\n%s%s", got.Code, got.Stdout, got.Stderr)
		}
		stays("a pass that prunes")
		for _, service := range foreign {
			if names := harness.NamesIn(t, c.Path("/run/service/"+service)); strings.Join(names, " ") != "event run supervise" {
				t.Errorf("%s holds %q", service, names)
			}
		}
		if all := w.output() + got.Stderr; strings.Contains(all, "proxy") {
			t.Errorf("the service without a profile is named:\n%s", all)
		}
		if err := os.Rename(c.Path("/run/service/gateway-taken"), c.Path("/run/service/taken")); err != nil {
			t.Fatal(err)
		}
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.CheckDown("gateway-taken")
	})
}
