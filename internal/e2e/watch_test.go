package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A profile's slot is up about as soon as a pass made by hand could have it up. The
// watch waits for the end of a burst of events before, and is not to wait for its
// interval.
func TestContainerWatchMakesASlotAboutAsSoonAsAPass(t *testing.T) {
	c := newContainer(t, ownS6())
	const profiles, rounds, tries, settle = 100, 5, 3, 500 * time.Millisecond
	for i := range profiles {
		c.profile(fmt.Sprintf("p%03d", i), stopped)
	}
	c.mustRun("root", "slotgen", "reconcile")
	c.boot()
	c.waitSupervised("gateway-default", "gateway-p099")
	w := c.watch()
	for try := range tries {
		var watched, byHand []time.Duration
		for i := range rounds {
			name := fmt.Sprintf("new%d-%d", try, i)
			dir := c.mkdirIn("profiles/" + name)
			c.write(dir+"/gateway_state.json", running)
			w.mark() // the directory is there for a while before its marker
			watched = append(watched, c.upAfter("gateway-"+name, func() { c.write(dir+"/SOUL.md", "") }))
			w.lookAgain() // a stopped watch is to hold no lock
			w.stop()
			c.profile(name+"-by-hand", running)
			byHand = append(byHand, c.upAfter("gateway-"+name+"-by-hand", func() {
				c.mustRun("root", "slotgen", "reconcile", "--rescan")
			}))
			w.resume()
		}
		slices.Sort(watched)
		slices.Sort(byHand)
		t.Logf("supervised and up after %v, and with a pass by hand after %v", watched, byHand)
		if watched[rounds/2] < settle+2*byHand[rounds/2] {
			w.end()
			if n := strings.Count(w.said(), "slotgen: created slot"); n != rounds*(try+1) {
				t.Errorf("%d slots are said to be created, want %d:\n%s", n, rounds*(try+1), w.said())
			}
			return
		}
	}
	t.Errorf("half of the slots took longer than %v and two passes, at each of %d tries", settle, tries)
}

// upAfter returns how long a service takes to be up when something is done.
func (c *container) upAfter(service string, do func()) time.Duration {
	c.t.Helper()
	start := time.Now()
	do()
	c.waitFor(service+" to be up", func() bool { return c.servicePID(service) != 0 })
	return time.Since(start)
}

// mkdirIn makes a directory of hermes' on the volume.
func (c *container) mkdirIn(rel string) string {
	c.t.Helper()
	dir := filepath.Join(c.home, rel)
	c.mkdir(dir)
	return dir
}

func TestContainerWatchMakesNoHalfMadeSlot(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.boot()
		w := c.watch()

		dir := c.mkdirIn("profiles/slow")
		c.write(dir+"/gateway_state.json", running)
		w.quiet("a directory without SOUL.md")
		c.write(dir+"/SOUL.md", "")

		dir = c.mkdirIn("profiles/.staged.tmp")
		c.write(dir+"/SOUL.md", "")
		c.write(dir+"/gateway_state.json", running)
		w.mark()
		if err := os.Rename(dir, filepath.Join(c.home, "profiles/staged")); err != nil {
			t.Fatal(err)
		}
		c.waitUp("gateway-slow", "gateway-staged")
		w.waitSaid(`slotgen: created slot "gateway-staged": profile=staged prior_state=running action=started`)
		if got := c.run("root", "slotgen", "diff"); got.code != 0 {
			t.Errorf("the slots are not as reconcile makes them:\n%s%s", got.stdout, got.stderr)
		}
		if said := w.said(); strings.Contains(said, "tmp") {
			t.Errorf("the staging name is told:\n%s", said)
		}
		log := readText(t, filepath.Join(c.home, "logs/container-boot.log"))
		for _, name := range []string{"default", "slow", "staged"} {
			if n := strings.Count(log, " profile="+name+" "); n != 1 {
				t.Errorf("the boot log has %d lines of %s, want one:\n%s", n, name, log)
			}
		}
	})
}

func TestContainerWatchPassIsLimitedToWhatChanged(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	c.profile("other", running)
	c.boot()
	w := c.watch()
	c.waitUp("gateway-other")
	finish := c.path("/run/service/gateway-other/finish")
	if err := os.Remove(finish); err != nil {
		t.Fatal(err)
	}
	c.profile("new", running)
	c.waitUp("gateway-new")
	w.waitSaid(`created slot "gateway-new"`)
	if _, err := os.Lstat(finish); err == nil {
		t.Error("a slot whose profile did not change was looked at")
	}
	w.signal(syscall.SIGHUP)
	c.waitFor("a look at everything to mend it", func() bool {
		_, err := os.Lstat(finish)
		return err == nil
	})
}

func TestContainerWatchTouchesNothingForAStateFile(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("stops", running)
		c.profile("starts", stopped)
		c.boot()
		w := c.watch()
		c.waitUp("gateway-stops")
		w.quiet("state files", func() {
			for range 20 {
				c.profile("stops", stopped)
				c.profile("starts", running)
			}
		})

		// Neither do the passes that follow, over another profile, over all, and for templates.
		c.profile("other", running)
		c.waitUp("gateway-other")
		w.signal(syscall.SIGHUP)
		w.waitSaid("4 profiles: 0 created, 0 updated, 4 unchanged")
		c.override("timeout-finish.tmpl", "4000\n")
		for _, name := range []string{"stops", "starts"} {
			w.waitSaid(`slot "gateway-` + name + `" is live, in force at next start: timeout-finish (missing)`)
		}
		if _, err := os.Lstat(c.path("/run/service/gateway-stops/down")); err == nil {
			t.Error("a slot that was to start has a down file")
		}
		if _, err := os.Lstat(c.path("/run/service/gateway-starts/down")); err != nil {
			t.Errorf("a slot that was to stay down has lost its down file: %v", err)
		}
		if !c.isUp("gateway-stops") || c.isUp("gateway-starts") {
			t.Error("a service was started or stopped")
		}
		c.mustRun("root", "slotgen", "reconcile")
		if _, err := os.Lstat(c.path("/run/service/gateway-starts/down")); err == nil {
			t.Error("reconcile left the down file of a profile that is to start")
		}
	})
}

func TestContainerWatchBringsTemplatesIntoForce(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.profile("writer", stopped)
		data := func(service string) string {
			text, _ := os.ReadFile(c.path("/run/service/" + service + "/data/note"))
			return string(text)
		}
		has := func(service, text string) {
			t.Helper()
			c.waitFor(fmt.Sprintf("%q in %s", text, service), func() bool { return data(service) == text })
		}
		templates := c.path("/etc/slotgen/templates")
		// As the kubelet mounts a ConfigMap: files are links through ..data, which is replaced as a whole.
		version := func(n int) {
			t.Helper()
			dir := fmt.Sprintf("..v%d", n)
			c.override(dir+"/note", strconv.Itoa(n))
			if err := os.Symlink(dir, templates+"/..data_tmp"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(templates+"/..data_tmp", templates+"/..data"); err != nil {
				t.Fatal(err)
			}
		}
		version(1)
		if err := os.Mkdir(templates+"/data", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../..data/note", templates+"/data/note.tmpl"); err != nil {
			t.Fatal(err)
		}
		c.boot()
		w := c.watch()
		c.waitUp("gateway-coder")
		pid := c.servicePID("gateway-coder")
		has("gateway-coder", "1")
		version(2)
		has("gateway-coder", "2")
		has("gateway-writer", "2")

		c.override("profiles/coder/data/note.tmpl", "own")
		has("gateway-coder", "own")
		c.override("profiles/coder/data/note.tmpl", "changed")
		has("gateway-coder", "changed")
		if got := data("gateway-writer"); got != "2" {
			t.Errorf("writer has coder's template: %q", got)
		}

		c.override("run.tmpl", "{{ .Nonsense }}")
		w.waitSaid(`slotgen: error: profile "writer": rendering slot "writer"`)
		has("gateway-writer", "2")
		w.quiet("a template that stays broken")
		if err := os.RemoveAll(templates + "/run.tmpl"); err != nil {
			t.Fatal(err)
		}
		w.waitSaid(`slotgen: slot "gateway-writer" is as it should be again: profile=writer prior_state=stopped action=registered`)
		if log := readText(t, filepath.Join(c.home, "logs/container-boot.log")); !strings.Contains(log, "profile=writer prior_state=stopped action=failed") ||
			!strings.Contains(log[strings.LastIndex(log, "profile=writer"):], "action=registered prior_exit=unknown\n") {
			t.Errorf("the boot log does not end well:\n%s", log)
		}
		version(3)
		has("gateway-writer", "3")
		if c.servicePID("gateway-coder") != pid {
			t.Error("a live service was restarted")
		}
	})
}

func TestContainerWatchIsAServiceOfS6(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		dir := c.path("/run/service/watch")
		for name, text := range map[string]string{
			"run":             "#!/command/with-contenv /bin/sh\nexec slotgen watch --notification-fd 3 2>/tmp/watch\n",
			"notification-fd": "3\n",
			"finish":          "#!/bin/sh\necho \"$1\" >/tmp/finished\nexit 125\n",
		} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/"+name, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		c.boot()
		c.waitFor("the watch to be ready", func() bool {
			text := c.svstat("watch") // a service that is down says ready too
			return strings.HasPrefix(text, "up ") && strings.Contains(text, "ready ")
		})
		if !c.hasSlot("gateway-coder") || !c.hasSlot("gateway-default") {
			t.Error("it is ready before the slots are there")
		}
		c.waitUp("gateway-coder")
		c.mustRun("root", "s6-svc", "-h", "/run/service/watch")
		c.waitFor("it to look at everything again", func() bool {
			return strings.Contains(readText(t, c.path("/tmp/watch")), "2 profiles: 0 created, 0 updated, 2 unchanged")
		})
		c.mustRun("root", "s6-svc", "-d", "/run/service/watch")
		c.waitFor("it to end", func() bool {
			text, _ := os.ReadFile(c.path("/tmp/finished"))
			return string(text) == "0\n"
		})
		if !c.isUp("gateway-coder") {
			t.Error("the gateways ended with it")
		}
	})
}
