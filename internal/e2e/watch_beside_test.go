package e2e

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

	"slotgen/internal/testenv"
)

func TestContainerWatchersAndReconcileWorkTogether(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		const rounds = 6
		c.profile("stays", running)
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitUp("gateway-stays")
		pid := c.servicePID("gateway-stays")
		watchers := []watcher{c.watch("--prune"), c.watch("--prune")}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range rounds {
					c.run("root", "slotgen", "reconcile", "--rescan")
					time.Sleep(100 * time.Millisecond) // the watchers' passes come between these
				}
			})
		}
		for i := range rounds {
			c.profile(fmt.Sprintf("p%d", i), running)
			if i%3 == 2 {
				c.waitUp(fmt.Sprintf("gateway-p%d", i-1))
				c.forget(fmt.Sprintf("p%d", i-1))
			}
			c.override("env/ROUND.tmpl", fmt.Sprintln(i))
			time.Sleep(150 * time.Millisecond) // some changes are one burst, others are not
		}
		wg.Wait()
		var services []string
		c.waitFor("the slots that are to be there, and no other", func() bool {
			services = []string{"gateway-default", "gateway-stays"}
			for i := range rounds {
				service := fmt.Sprintf("gateway-p%d", i)
				if i%3 == 1 && c.hasSlot(service) {
					return false
				}
				if i%3 != 1 {
					services = append(services, service)
				}
			}
			return len(c.hidden()) == 0
		})
		for _, service := range services[1:] {
			c.waitUp(service)
			starts := func() int { return len(c.records(strings.TrimPrefix(service, "gateway-"))) }
			c.waitFor("the record of "+service, func() bool { return starts() > 0 })
			if n := starts(); n != 1 {
				t.Errorf("%s was started %d times", service, n)
			}
		}
		checkOneOfEach(t, c)
		if c.servicePID("gateway-stays") != pid {
			t.Error("a service that nobody changed was restarted")
		}
		c.waitFor("the slots to be as reconcile makes them", func() bool { return c.run("root", "slotgen", "diff").code == 0 })
		made := 0
		for _, w := range watchers {
			w.end()
			made += strings.Count(w.said(), "created slot")
			// The others may hold the lock for long on a slow machine.
			if strings.Count(w.said(), "error:") != strings.Count(w.said(), ": still held after") {
				t.Errorf("a watcher said\n%s", w.said())
			}
		}
		if made > rounds {
			t.Errorf("%d slots are said to be created, there were %d", made, rounds)
		}
	})
}

func TestContainerWatchWaitsForTheLockNoLongerThanThat(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.boot()
	w := c.watch("--interval", "2s")
	holder := c.spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.waitFor("the lock to be held", func() bool {
		return c.run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").code != 0
	})
	c.profile("late", running)
	w.waitSaid(`slotgen: error: locking "/run/service/.slotgen.lock": still held after 10s by process`)
	if c.hasSlot("gateway-late") {
		t.Error("the scandir was changed without its lock")
	}
	for _, p := range c.processes() {
		if p.args[0] == "sleep" {
			c.mustRun("root", "kill", strconv.Itoa(p.pid))
		}
	}
	holder.wait()
	c.waitUp("gateway-late")
	w.end()
	if n := strings.Count(w.said(), "still held"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

// A wait for the lock is a look at it again and again, hundreds of them until it is
// given up.
func TestContainerWatchEndsWhileItWaitsForTheLock(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "strace")
	c := newContainer(t, ownS6())
	c.boot()
	w := c.watchBehind("strace -D -f -q -e trace=flock -o /tmp/trace")
	c.spawn("root", "flock", "/run/service/.slotgen.lock", "sleep", "1000")
	c.waitFor("the lock to be held", func() bool {
		return c.run("root", "flock", "-n", "/run/service/.slotgen.lock", "true").code != 0
	})
	looks := func(trace string) int { return strings.Count(trace, "EAGAIN") }
	c.profile("late", running)
	c.waitFor("it to wait for the lock", func() bool { return looks(readText(t, c.path("/tmp/trace"))) > 0 })
	w.end()
	var after string
	c.waitFor("the whole trace", func() bool {
		trace := readText(t, c.path("/tmp/trace"))
		_, after, _ = strings.Cut(trace, "--- SIGTERM")
		return strings.Contains(after, "+++ exited")
	})
	if n := looks(after); n > 50 || strings.Contains(w.said(), "error") {
		t.Errorf("it looked at the lock %d times more and said\n%s", n, w.said())
	}
}

func TestContainerWatchIsEndedBetweenTwoSlots(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := newContainer(t, ownS6())
		const profiles = 400
		for i := range profiles {
			c.profile(fmt.Sprintf("p%03d", i), stopped)
		}
		w := c.stoppedHalfway("gateway-p005", "gateway-p200")
		w.signal(sig)
		w.resume()
		if got := w.wait(); got.code != 0 {
			t.Errorf("%s: it ended with %d", sig, got.code)
		}
		checkEndedBetweenSlots(t, c, w, sig, profiles)
	}
}

// stoppedHalfway starts a watcher and stops it when it has made one slot and not another.
func (c *container) stoppedHalfway(one, another string) (w watcher) {
	c.t.Helper()
	c.waitFor("a watcher to be stopped between two slots", func() bool {
		c.restart()
		if err := os.RemoveAll(filepath.Join(c.home, "logs")); err != nil {
			c.t.Fatal(err)
		}
		w = watcher{c.spawn("root", "slotgen", "watch")}
		c.waitFor("the first slots", func() bool { return c.hasSlot(one) })
		w.stop()
		return !c.hasSlot(another)
	})
	return w
}

// checkEndedBetweenSlots holds that not all slots were made, and none by half.
func checkEndedBetweenSlots(t *testing.T, c *container, w watcher, sig syscall.Signal, profiles int) {
	t.Helper()
	slots, err := filepath.Glob(c.path("/run/service/gateway-*"))
	if err != nil {
		t.Fatal(err)
	}
	made := strings.Count(w.said(), "created slot")
	t.Logf("%s: %d of %d slots were made", sig, len(slots), profiles+1)
	if made > profiles {
		t.Errorf("%s: it made all slots before it ended", sig)
	}
	if len(slots) != made || len(c.hidden()) > 0 {
		t.Errorf("%s: %d slots stand, %d were told; hidden: %q", sig, len(slots), made, c.hidden())
	}
	got := c.run("root", "slotgen", "diff")
	if got.code != 1 || strings.Contains(got.stderr, "error") {
		t.Errorf("%s: diff ended with %d: %s", sig, got.code, got.stderr)
	}
	for _, slot := range slots {
		if strings.Contains(got.stdout, "diff a/"+filepath.Base(slot)) {
			t.Errorf("%s: %s is half made:\n%s", sig, slot, got.stdout)
		}
	}
	log := readText(t, filepath.Join(c.home, "logs/container-boot.log"))
	if n := strings.Count(log, "\n"); n != made {
		t.Errorf("%s: the boot log has %d lines for %d slots", sig, n, made)
	}
}

func TestContainerWatchLooksAtEverythingOnHUP(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.profile("coder", running)
	c.boot()
	w := c.watch()
	c.waitUp("gateway-coder")
	w.quiet("nothing to do")
	if err := os.WriteFile(c.path("/run/service/gateway-coder/finish"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.signal(syscall.SIGHUP)
	w.waitSaid(`slotgen: slot "gateway-coder" is live, in force at next start: finish (content)`)
	w.waitSaid("slotgen: 2 profiles: 0 created, 1 updated, 1 unchanged")
	w.end()
}

func TestContainerWatchSleepsWhereItHasNothingToDo(t *testing.T) {
	for _, tt := range []struct {
		what string
		args []string
		said string
	}{
		{
			what: "autostart none",
			args: []string{"--autostart", "none"},
			said: "slotgen: watch: skipping (autostart none — the gateways are another container's)\n",
		},
		{
			what: "a dashboard container",
			args: []string{"--proc", "/tmp/proc"},
			said: "slotgen: watch: skipping (dashboard container — does not need per-profile gateways)\n",
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			c := newContainer(t, ownS6())
			c.profile("coder", running)
			if err := os.MkdirAll(c.path("/tmp/proc/1"), 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{
				"cmdline": "/init\x00/opt/hermes/docker/main-wrapper.sh\x00dashboard\x00", "status": rootsStatus,
			} {
				if err := os.WriteFile(c.path("/tmp/proc/1/"+name), []byte(text), 0o444); err != nil {
					t.Fatal(err)
				}
			}
			c.boot()
			w := c.watch(tt.args...)
			w.signal(syscall.SIGHUP)
			awake := c.watch("--scandir", "/tmp/awake") // another one has something to do meanwhile
			c.profile("writer", running)
			awake.waitSaid(`created slot "gateway-writer"`)
			awake.lookAgain()
			if got := w.said(); got != tt.said {
				t.Errorf("it said\n%swant\n%s", got, tt.said)
			}
			if c.hasSlot("gateway-coder") || c.hasSlot("gateway-default") {
				t.Error("it made a slot")
			}
			w.end()
		})
	}
}
