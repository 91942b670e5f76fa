package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
)

// asHermes starts a shell script on the volume as the volume's user.
func asHermes(c *harness.Container, script string) *harness.ContainerProcess {
	c.T.Helper()
	return c.Spawn("hermes", "sh", "-c", "cd /opt/data && "+script)
}

// serve makes a profile, waits until its service is up, and returns how long that took.
func serve(c *harness.Container, name string) time.Duration {
	c.T.Helper()
	return upAfter(c, "gateway-"+name, func() { c.Profile(name, harness.Running) })
}

// checkOneOfEach checks that no service runs twice or in a deleted directory.
func checkOneOfEach(t *testing.T, c *harness.Container) {
	t.Helper()
	for service, n := range c.Supervisors() {
		if n != 1 {
			t.Errorf("%s has %d supervisors", service, n)
		}
	}
	if lost := c.InDeletedDirs(); len(lost) > 0 {
		t.Errorf("in deleted directories: %+v", lost)
	}
}

func TestContainerWatchServesOthersBesideAProfileThatFlickers(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("stays", harness.Running)
		c.Boot()
		w := startWatch(c, "--prune-after", "2s")
		c.WaitUp("gateway-stays")
		pid := c.ServicePID("gateway-stays")
		flicker := asHermes(c, `
			until [ -e .enough ]; do
				mkdir profiles/flicker && >profiles/flicker/SOUL.md
				sleep 0.0$(($$ % 7))3; rm -r profiles/flicker
				mkdir profiles/.s profiles/.s/x && >profiles/.s/SOUL.md && mv profiles/.s profiles/flicker; rm -r profiles/flicker
			done`)
		for i := range 10 {
			serve(c, fmt.Sprintf("new%d", i))
		}
		harness.CreateFile(t, filepath.Join(c.Home, ".enough")).Close()
		flicker.Wait()
		c.WaitFor("what is gone to be pruned", func() bool {
			return !c.HasSlot("gateway-flicker") && len(c.Hidden()) == 0
		})
		w.checkQuiet("once nothing changes")
		checkOneOfEach(t, c)
		if c.ServicePID("gateway-stays") != pid {
			t.Error("another service was restarted")
		}
	})
}

// storm creates and removes files, tens of thousands of events a second if the machine can. stop
// ends the storm and returns the number of events.
func storm(c *harness.Container, dirs ...string) (stop func() int) {
	done, ended := make(chan struct{}), make(chan struct{})
	count := 0
	go func() {
		defer close(ended)
		for {
			for i := range 100 {
				for _, dir := range dirs {
					name := fmt.Sprintf("%s/%s/storm%d", c.Home, dir, i)
					if os.WriteFile(name, nil, 0o644) == nil {
						_ = os.Remove(name)
						count += 2
					}
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond): // the pause between two bursts
			}
		}
	}()
	return func() int { close(done); <-ended; return count }
}

// costlyBurst is how many passes' processor time one burst of a storm may cost the watcher.
const costlyBurst = 6

func TestContainerWatchStandsAStormOfEvents(t *testing.T) {
	c := harness.NewContainer(t, harness.OwnS6())
	for i := range 50 {
		c.Profile(fmt.Sprintf("p%d", i), harness.Stopped)
	}
	mkdirIn(c, "profiles/waits")
	c.Boot()
	w := startWatch(c)
	pass := passCost(t, w.pid(), w.lookAgain)
	const tries = 3
	for try := range tries {
		// The storm is in the home, in profiles/ and in a directory without SOUL.md.
		stop := storm(c, "", "profiles", "profiles/waits")
		cpu, start := cpuOf(t, w.pid()), time.Now()
		for i := range 8 {
			serve(c, fmt.Sprintf("new%d-%d", try, i))
		}
		took, used := time.Since(start), cpuOf(t, w.pid())-cpu
		bursts := 1 + int(took/(500*time.Millisecond)) // the cost of each burst is bounded
		t.Logf("%d events in %s: the watcher used %s of the processor, in %d bursts; a pass costs %s", stop(), took, used, bursts, pass)
		if used <= cpuTick+time.Duration(bursts)*costlyBurst*pass {
			// The kernel may report late that it lost events.
			c.WaitFor("the watcher to have no more to say", func() bool { before := w.settledOutput(); return w.settledOutput() == before })
			return
		}
	}
	t.Errorf("a burst costs the watcher more than %d passes, at each of %d tries", costlyBurst, tries)
}

func TestContainerWatchSaysWhatItIgnores(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("linked", harness.Running)
		c.Profile("stays", harness.Running)
		c.Boot()
		w := startWatch(c, "--prune-after", "2s")
		c.WaitUp("gateway-linked", "gateway-stays")
		profiles := filepath.Join(c.Home, "profiles")
		steps := []struct {
			what   string
			do     func() error
			output string
		}{
			{"a profile that a link takes the place of", func() error {
				c.Forget("linked")
				return os.Symlink("/nowhere", profiles+"/linked")
			}, `slotgen: warning: skipping profile "linked": link leads nowhere`},
			{"a new link that leads nowhere", func() error {
				return os.Symlink("../../nowhere", profiles+"/away")
			}, `slotgen: warning: skipping profile "away": link leads nowhere`},
			{"a name that forges a line", func() error {
				name := profiles + "/x\nslotgen: pruned"
				if err := os.Mkdir(name, 0o755); err != nil {
					return err
				}
				return os.WriteFile(name+"/SOUL.md", nil, 0o644)
			}, `slotgen: warning: skipping profile "x\nslotgen: pruned": name has a newline`},
			{"the reserved name", func() error {
				c.Profile("../profiles/default", harness.Running)
				return nil
			}, "slotgen: warning: profiles/default/ exists"},
			{"a directory in a stale file's place", func() error {
				mkdirIn(c, "profiles/stale")
				mkdirIn(c, "profiles/stale/gateway.pid")
				return os.WriteFile(profiles+"/stale/SOUL.md", nil, 0o644)
			}, `slotgen: warning: removing "profiles/stale/gateway.pid": is a directory, left alone`},
			{"a FIFO as state file", func() error {
				dir := mkdirIn(c, "profiles/fifo")
				if err := syscall.Mkfifo(dir+"/gateway_state.json", 0o644); err != nil {
					return err
				}
				return os.WriteFile(dir+"/SOUL.md", nil, 0o644)
			}, `slotgen: created slot "gateway-fifo": profile=fifo prior_state=None action=registered`},
		}
		for _, step := range steps {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			w.waitOutput(step.output)
			serve(c, "new"+strconv.Itoa(len(w.output())))
		}
		w.checkQuiet("all that")
		for _, step := range steps {
			if n := strings.Count(w.output(), step.output); n != 1 {
				t.Errorf("%s was told %d times:\n%s", step.what, n, w.output())
			}
		}
		if !c.IsUp("gateway-linked") || !c.IsUp("gateway-stays") {
			t.Error("a slot of a profile that is skipped is no orphan")
		}
		checkOneOfEach(t, c)
	})
}

func TestContainerWatchOutlivesTheProfilesDirectory(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("old", harness.Running)
		c.Profile("kept", harness.Running)
		c.Boot()
		w := startWatch(c, "--prune-after", "2s", "--interval", "2s")
		c.WaitUp("gateway-old", "gateway-kept")
		profiles := filepath.Join(c.Home, "profiles")
		stays := w.keeps("gateway-old", "gateway-kept")
		if err := os.Rename(profiles, profiles+".away"); err != nil { // so that its inode is not used again
			t.Fatal(err)
		}
		w.waitOutput("left alone 2 slots without a profile (gateway-kept, gateway-old): there is no")
		stays("profiles/ is missing")
		if err := os.Symlink("/nowhere", profiles); err != nil {
			t.Fatal(err)
		}
		w.waitOutput(`slotgen: error: reading "/opt/data/profiles": link leads nowhere`)
		before := w.output()
		w.lookAgain()
		if after := summaryLine.ReplaceAllString(strings.TrimPrefix(w.output(), before), ""); after != "" {
			t.Errorf("of a link that leads nowhere the watcher said\n%s", after)
		}
		if err := os.Remove(profiles); err != nil {
			t.Fatal(err)
		}
		c.Profile("kept", harness.Running)
		serve(c, "new")
		const doubt = "slotgen: warning: left alone 1 slot without a profile (gateway-old): profiles/ is another directory than at the first look of this watch\n"
		w.waitOutput(doubt)
		stays("profiles/ is another directory")
		if n := strings.Count(w.output(), doubt); n != 1 {
			t.Errorf("that was said %d times:\n%s", n, w.output())
		}

		// Another watch takes this profiles/ for the right one.
		w.end()
		w = startWatch(c, "--prune-after", "2s", "--interval", "2s")
		w.waitOutput(`slotgen: pruned slot "gateway-old"`)
		c.WaitFor("what was hidden to go", func() bool { return len(c.Hidden()) == 0 })
		if !c.IsUp("gateway-kept") || c.HasSlot("gateway-old") {
			t.Error("not the slots of the profiles that are there again")
		}
		checkOneOfEach(t, c)

		// The whole profiles/ may be renamed away and back, too.
		if err := os.Rename(c.Path("/opt/data/profiles"), c.Path("/opt/data/.aside")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(c.Path("/opt/data/.aside"), c.Path("/opt/data/profiles")); err != nil {
			t.Fatal(err)
		}
		serve(c, "newer")
		w.end()
	})
}
