package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

func TestContainerWatchersAndReconcileWorkTogether(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		const rounds = 6
		c.Profile("stays", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-stays")
		pid := c.ServicePID("gateway-stays")
		watchers := []watcher{startWatch(c, "--prune-after", "2s"), startWatch(c, "--prune-after", "2s")}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range rounds {
					c.Run("root", "slotgen", "reconcile", "--rescan")
					time.Sleep(100 * time.Millisecond) // the watchers make passes in between
				}
			})
		}
		for i := range rounds {
			c.Profile(fmt.Sprintf("p%d", i), harness.Running)
			if i%3 == 2 {
				c.WaitUp(fmt.Sprintf("gateway-p%d", i-1))
				c.Forget(fmt.Sprintf("p%d", i-1))
			}
			c.Override("env/ROUND.tmpl", fmt.Sprintln(i))
			time.Sleep(150 * time.Millisecond) // some of the changes form one burst
		}
		wg.Wait()
		var services []string
		c.WaitFor("the slots that are to be there, and no other", func() bool {
			services = []string{"gateway-default", "gateway-stays"}
			for i := range rounds {
				service := fmt.Sprintf("gateway-p%d", i)
				if i%3 == 1 && c.HasSlot(service) {
					return false
				}
				if i%3 != 1 {
					services = append(services, service)
				}
			}
			return len(c.Hidden()) == 0
		})
		for _, service := range services[1:] {
			c.WaitUp(service)
			starts := func() int { return len(c.Records(strings.TrimPrefix(service, "gateway-"))) }
			c.WaitFor("the record of "+service, func() bool { return starts() > 0 })
			if n := starts(); n != 1 {
				t.Errorf("%s was started %d times", service, n)
			}
		}
		checkOneOfEach(t, c)
		if c.ServicePID("gateway-stays") != pid {
			t.Error("a service that nobody changed was restarted")
		}
		c.WaitFor("the slots to be as reconcile makes them", func() bool { return c.Run("root", "slotgen", "diff").Code == 0 })
		made := 0
		for _, w := range watchers {
			w.end()
			made += strings.Count(w.output(), "created slot")
			// On a slow machine another slotgen may hold the lock for long.
			if strings.Count(w.output(), "error:") != strings.Count(w.output(), ": still held after") {
				t.Errorf("a watcher said\n%s", w.output())
			}
		}
		if made > rounds {
			t.Errorf("%d slots are said to be created, there were %d", made, rounds)
		}
	})
}

func TestContainerWatchWaitsForTheLockNoLongerThanThat(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Boot()
	w := startWatch(c, "--interval", "2s")
	holder := c.Spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.WaitFor("the lock to be held", func() bool {
		return c.Run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").Code != 0
	})
	c.Profile("late", harness.Running)
	w.waitOutput(`slotgen: error: locking "/run/service/.slotgen.lock": still held after 10s by process`)
	if c.HasSlot("gateway-late") {
		t.Error("the scandir was changed without its lock")
	}
	for _, p := range c.Processes() {
		if p.Args[0] == "sleep" {
			c.MustRun("root", "kill", strconv.Itoa(p.Pid))
		}
	}
	holder.Wait()
	c.WaitUp("gateway-late")
	w.end()
	if n := strings.Count(w.output(), "still held"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

// slotgen waits for the lock by trying it again and again, hundreds of times before it gives up.
func TestContainerWatchEndsWhileItWaitsForTheLock(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "strace")
	c := harness.NewContainer(t, harness.OwnS6())
	c.Boot()
	w := watchBehind(c, "strace -D -f -q -e trace=flock -o /tmp/trace")
	c.Spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.WaitFor("the lock to be held", func() bool {
		return c.Run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").Code != 0
	})
	looks := func(trace string) int { return strings.Count(trace, "EAGAIN") }
	c.Profile("late", harness.Running)
	c.WaitFor("it to wait for the lock", func() bool { return looks(harness.ReadText(t, c.Path("/tmp/trace"))) > 0 })
	w.end()
	var after string
	c.WaitFor("the whole trace", func() bool {
		trace := harness.ReadText(t, c.Path("/tmp/trace"))
		_, after, _ = strings.Cut(trace, "--- SIGTERM")
		return strings.Contains(after, "+++ exited")
	})
	if n := looks(after); n > 50 || strings.Contains(w.output(), "error") {
		t.Errorf("it looked at the lock %d times more and said\n%s", n, w.output())
	}
}

func TestContainerWatchIsEndedBetweenTwoSlots(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := harness.NewContainer(t, harness.OwnS6())
		const profiles = 400
		for i := range profiles {
			c.Profile(fmt.Sprintf("p%03d", i), harness.Stopped)
		}
		w := stoppedHalfway(c, "gateway-p005", "gateway-p200")
		w.Signal(sig)
		w.resume()
		if got := w.Wait(); got.Code != 0 {
			t.Errorf("%s: it ended with %d", sig, got.Code)
		}
		checkEndedBetweenSlots(t, c, w, sig, profiles)
	}
}

// stoppedHalfway starts a watcher and stops it between two slots: the slot one exists, another
// does not.
func stoppedHalfway(c *harness.Container, one, another string) (w watcher) {
	c.T.Helper()
	c.WaitFor("a watcher to be stopped between two slots", func() bool {
		c.Restart()
		if err := os.RemoveAll(filepath.Join(c.Home, "logs")); err != nil {
			c.T.Fatal(err)
		}
		w = watcher{c.Spawn("root", "slotgen", "watch")}
		c.WaitFor("the first slots", func() bool { return c.HasSlot(one) })
		w.stop()
		return !c.HasSlot(another)
	})
	return w
}

// checkEndedBetweenSlots checks that the watcher made some of the slots, each of them complete.
func checkEndedBetweenSlots(t *testing.T, c *harness.Container, w watcher, sig syscall.Signal, profiles int) {
	t.Helper()
	slots, err := filepath.Glob(c.Path("/run/service/gateway-*"))
	if err != nil {
		t.Fatal(err)
	}
	made := strings.Count(w.output(), "created slot")
	t.Logf("%s: %d of %d slots were made", sig, len(slots), profiles+1)
	if made > profiles {
		t.Errorf("%s: it made all slots before it ended", sig)
	}
	if len(slots) != made || len(c.Hidden()) > 0 {
		t.Errorf("%s: %d slots stand, %d were told; hidden: %q", sig, len(slots), made, c.Hidden())
	}
	got := c.Run("root", "slotgen", "diff")
	if got.Code != 1 || strings.Contains(got.Stderr, "error") {
		t.Errorf("%s: diff ended with %d: %s", sig, got.Code, got.Stderr)
	}
	for _, slot := range slots {
		if strings.Contains(got.Stdout, "diff a/"+filepath.Base(slot)) {
			t.Errorf("%s: %s is half made:\n%s", sig, slot, got.Stdout)
		}
	}
	log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log"))
	if n := strings.Count(log, "\n"); n != made {
		t.Errorf("%s: the boot log has %d lines for %d slots", sig, n, made)
	}
}

func TestContainerWatchLooksAtEverythingOnHUP(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("coder", harness.Running)
	c.Boot()
	w := startWatch(c)
	c.WaitUp("gateway-coder")
	w.checkQuiet("nothing to do")
	if err := os.WriteFile(c.Path("/run/service/gateway-coder/finish"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Signal(syscall.SIGHUP)
	w.waitOutput(`slotgen: slot "gateway-coder" is live, in force at next start: finish (content)`)
	w.waitOutput("slotgen: 2 profiles: 0 created, 1 updated, 1 unchanged")
	w.end()
}

func TestContainerWatchSleepsWhereItHasNothingToDo(t *testing.T) {
	for _, tt := range []struct {
		what   string
		args   []string
		output string
	}{
		{
			what:   "autostart none",
			args:   []string{"--autostart", "none"},
			output: "slotgen: watch: skipping (autostart none — the gateways are another container's)\n",
		},
		{
			what:   "a dashboard container",
			args:   []string{"--proc", "/tmp/proc"},
			output: "slotgen: watch: skipping (dashboard container — does not need per-profile gateways)\n",
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			c := harness.NewContainer(t, harness.OwnS6())
			c.Profile("coder", harness.Running)
			if err := os.MkdirAll(c.Path("/tmp/proc/1"), 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{
				"cmdline": "/init\x00/opt/hermes/docker/main-wrapper.sh\x00dashboard\x00", "status": harness.RootsStatus,
			} {
				if err := os.WriteFile(c.Path("/tmp/proc/1/"+name), []byte(text), 0o444); err != nil {
					t.Fatal(err)
				}
			}
			c.Boot()
			w := startWatch(c, tt.args...)
			w.Signal(syscall.SIGHUP)
			awake := startWatch(c, "--scandir", "/tmp/awake") // this watcher has work
			c.Profile("writer", harness.Running)
			awake.waitOutput(`created slot "gateway-writer"`)
			awake.lookAgain()
			if got := w.output(); got != tt.output {
				t.Errorf("it said\n%swant\n%s", got, tt.output)
			}
			if c.HasSlot("gateway-coder") || c.HasSlot("gateway-default") {
				t.Error("it made a slot")
			}
			w.end()
		})
	}
}
