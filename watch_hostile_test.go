package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asHermes starts shell text as the volume's user, in the volume.
func (c *container) asHermes(script string) *containerProcess {
	c.t.Helper()
	return c.spawn("hermes", "sh", "-c", "cd /opt/data && "+script)
}

// serve makes a profile and returns how long it took to be up.
func (c *container) serve(name string) time.Duration {
	c.t.Helper()
	start := time.Now()
	c.profile(name, running)
	c.waitFor(name+" to be up", func() bool { return c.servicePID("gateway-"+name) != 0 })
	return time.Since(start)
}

// checkOneOfEach holds that no service runs twice or in a deleted directory.
func checkOneOfEach(t *testing.T, c *container) {
	t.Helper()
	for service, n := range c.supervisors() {
		if n != 1 {
			t.Errorf("%s has %d supervisors", service, n)
		}
	}
	if lost := c.inDeletedDirs(); len(lost) > 0 {
		t.Errorf("in deleted directories: %+v", lost)
	}
}

func TestContainerWatchServesOthersBesideAProfileThatFlickers(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("stays", running)
		c.boot()
		w := c.watch("--prune")
		c.waitUp("gateway-stays")
		pid := c.servicePID("gateway-stays")
		flicker := c.asHermes(`
			until [ -e .enough ]; do
				mkdir profiles/flicker && >profiles/flicker/SOUL.md
				sleep 0.0$(($$ % 7))3; rm -r profiles/flicker
				mkdir profiles/.s profiles/.s/x && >profiles/.s/SOUL.md && mv profiles/.s profiles/flicker; rm -r profiles/flicker
			done`)
		for i := range 10 {
			if took := c.serve(fmt.Sprintf("new%d", i)); took > 5*time.Second {
				t.Errorf("a slot took %s", took)
			}
			time.Sleep(200 * time.Millisecond)
		}
		createFile(t, filepath.Join(c.home, ".enough")).Close()
		flicker.wait()
		c.waitFor("what is gone to be pruned", func() bool {
			return !c.hasSlot("gateway-flicker") && len(c.hidden()) == 0
		})
		w.quiet("once nothing changes", 3*time.Second)
		checkOneOfEach(t, c)
		if c.servicePID("gateway-stays") != pid {
			t.Error("another service was restarted")
		}
	})
}

// cpuOf returns what a process has used of the processor since it started.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat := readText(t, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	ticks := 0
	for _, field := range fields[11:13] { // user's and system's
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func (w watcher) pid() int {
	w.c.t.Helper()
	nsenter := w.cmd.Process.Pid
	text := readText(w.c.t, fmt.Sprintf("/proc/%d/task/%d/children", nsenter, nsenter))
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		w.c.t.Fatal(err)
	}
	return pid
}

// storm makes files come and go, tens of thousands of events a second if the
// machine can. stop ends it and returns how many there were.
func (c *container) storm(dirs ...string) (stop func() int) {
	done, ended := make(chan struct{}), make(chan struct{})
	count := 0
	go func() {
		defer close(ended)
		for {
			for i := range 100 {
				for _, dir := range dirs {
					name := fmt.Sprintf("%s/%s/storm%d", c.home, dir, i)
					if os.WriteFile(name, nil, 0o644) == nil {
						_ = os.Remove(name)
						count += 2
					}
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() int { close(done); <-ended; return count }
}

func TestContainerWatchStandsAStormOfEvents(t *testing.T) {
	c := newContainer(t, ownS6())
	for i := range 50 {
		c.profile(fmt.Sprintf("p%d", i), stopped)
	}
	c.mkdirIn("profiles/waits")
	c.boot()
	w := c.watch()
	// In the home, in profiles/ and in a directory without SOUL.md.
	stop := c.storm("", "profiles", "profiles/waits")
	cpu, start := cpuOf(t, w.pid()), time.Now()
	var slowest time.Duration
	for i := range 8 {
		slowest = max(slowest, c.serve(fmt.Sprintf("new%d", i)))
		time.Sleep(500 * time.Millisecond)
	}
	took := time.Since(start)
	used := float64(cpuOf(t, w.pid())-cpu) / float64(took)
	t.Logf("%.0f events a second: the slowest of 8 slots took %s; the watcher used %.0f %% of a processor",
		float64(stop())/took.Seconds(), slowest, 100*used)
	if slowest > 5*time.Second {
		t.Errorf("a slot took %s", slowest)
	}
	if used > 0.5 {
		t.Errorf("the watcher used %.0f %% of a processor", 100*used)
	}
	time.Sleep(3 * time.Second) // what the kernel still has queued is read
	w.quiet("after the storm", 2*time.Second)
}

func TestContainerWatchSaysWhatItIgnores(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("linked", running)
		c.profile("stays", running)
		c.boot()
		w := c.watch("--prune")
		c.waitUp("gateway-linked", "gateway-stays")
		outside := c.path("/srv")
		if err := os.WriteFile(outside+"/SOUL.md", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		profiles := filepath.Join(c.home, "profiles")
		steps := []struct {
			what string
			do   func() error
			said string
		}{
			{"a profile that a link takes the place of", func() error {
				c.forget("linked")
				return os.Symlink("/srv", profiles+"/linked")
			}, `slotgen: warning: skipping profile "linked": link leads outside the home`},
			{"a new link that leads outside", func() error {
				return os.Symlink("../../srv", profiles+"/away")
			}, `slotgen: warning: skipping profile "away": link leads outside the home`},
			{"a name that forges a line", func() error {
				name := profiles + "/x\nslotgen: pruned"
				if err := os.Mkdir(name, 0o755); err != nil {
					return err
				}
				return os.WriteFile(name+"/SOUL.md", nil, 0o644)
			}, `slotgen: warning: skipping profile "x\nslotgen: pruned": name has a newline`},
			{"the reserved name", func() error {
				c.profile("../profiles/default", running)
				return nil
			}, "slotgen: warning: profiles/default/ exists"},
			{"a directory in a stale file's place", func() error {
				c.mkdirIn("profiles/stale")
				c.mkdirIn("profiles/stale/gateway.pid")
				return os.WriteFile(profiles+"/stale/SOUL.md", nil, 0o644)
			}, `slotgen: warning: removing "profiles/stale/gateway.pid": is a directory, left alone`},
			{"a FIFO as state file", func() error {
				dir := c.mkdirIn("profiles/fifo")
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
			w.waitSaid(step.said)
			c.serve("new" + strconv.Itoa(len(w.said())))
		}
		w.quiet("all that", 3*time.Second)
		for _, step := range steps {
			if n := strings.Count(w.said(), step.said); n != 1 {
				t.Errorf("%s was told %d times:\n%s", step.what, n, w.said())
			}
		}
		if !c.isUp("gateway-linked") || !c.isUp("gateway-stays") {
			t.Error("a slot of a profile that is skipped is no orphan")
		}
		checkOneOfEach(t, c)
	})
}

func TestContainerWatchOutlivesTheProfilesDirectory(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("old", running)
		c.profile("kept", running)
		c.boot()
		w := c.watch("--prune", "--interval", "2s")
		c.waitUp("gateway-old", "gateway-kept")
		profiles := filepath.Join(c.home, "profiles")
		if err := os.RemoveAll(profiles); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if !c.isUp("gateway-old") || !c.isUp("gateway-kept") {
			t.Error("without profiles/ nobody knows what is an orphan")
		}
		if err := os.Symlink("/etc", profiles); err != nil {
			t.Fatal(err)
		}
		w.waitSaid(`slotgen: error: reading "/opt/data/profiles": link leads outside the home`)
		w.quiet("a link that leads outside", 5*time.Second)
		if err := os.Remove(profiles); err != nil {
			t.Fatal(err)
		}
		c.profile("kept", running)
		c.serve("new")
		w.waitSaid(`slotgen: pruned slot "gateway-old"`)
		c.waitFor("what was hidden to go", func() bool { return len(c.hidden()) == 0 })
		if !c.isUp("gateway-kept") || c.hasSlot("gateway-old") {
			t.Error("not the slots of the profiles that are there again")
		}
		checkOneOfEach(t, c)

		// The whole volume may go, too.
		if err := os.Rename(c.path("/opt/data/profiles"), c.path("/opt/data/.aside")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(c.path("/opt/data/.aside"), c.path("/opt/data/profiles")); err != nil {
			t.Fatal(err)
		}
		c.serve("newer")
		w.end()
	})
}
