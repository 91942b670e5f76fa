package watch

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

	"slotgen/internal/e2e/harness"
)

// The watch brings a new slot up about as fast as a pass by hand. It first waits for the end of a
// burst of events. It must not wait for its interval.
func TestContainerWatchMakesASlotAboutAsSoonAsAPass(t *testing.T) {
	c := harness.NewContainer(t, harness.OwnS6())
	const profiles, rounds, tries, settle = 100, 5, 3, 500 * time.Millisecond
	for i := range profiles {
		c.Profile(fmt.Sprintf("p%03d", i), harness.Stopped)
	}
	c.MustRun("root", "slotgen", "reconcile")
	c.Boot()
	c.WaitSupervised("gateway-default", "gateway-p099")
	w := startWatch(c)
	for try := range tries {
		var watched, byHand []time.Duration
		for i := range rounds {
			name := fmt.Sprintf("new%d-%d", try, i)
			dir := mkdirIn(c, "profiles/"+name)
			c.Write(dir+"/gateway_state.json", harness.Running)
			w.mark() // the directory exists for a while before SOUL.md
			watched = append(watched, upAfter(c, "gateway-"+name, func() { c.Write(dir+"/SOUL.md", "") }))
			w.lookAgain() // so that the stopped watch holds no lock
			w.stop()
			c.Profile(name+"-by-hand", harness.Running)
			byHand = append(byHand, upAfter(c, "gateway-"+name+"-by-hand", func() {
				c.MustRun("root", "slotgen", "reconcile", "--rescan")
			}))
			w.resume()
		}
		slices.Sort(watched)
		slices.Sort(byHand)
		t.Logf("supervised and up after %v, and with a pass by hand after %v", watched, byHand)
		if watched[rounds/2] < settle+2*byHand[rounds/2] {
			w.end()
			if n := strings.Count(w.output(), "slotgen: created slot"); n != rounds*(try+1) {
				t.Errorf("%d slots are said to be created, want %d:\n%s", n, rounds*(try+1), w.output())
			}
			return
		}
	}
	t.Errorf("half of the slots took longer than %v and two passes, at each of %d tries", settle, tries)
}

// upAfter runs do and returns how long the service takes to be up.
func upAfter(c *harness.Container, service string, do func()) time.Duration {
	c.T.Helper()
	start := time.Now()
	do()
	c.WaitFor(service+" to be up", func() bool { return c.ServicePID(service) != 0 })
	return time.Since(start)
}

// mkdirIn makes a directory on the volume that belongs to hermes.
func mkdirIn(c *harness.Container, rel string) string {
	c.T.Helper()
	dir := filepath.Join(c.Home, rel)
	c.Mkdir(dir)
	return dir
}

func TestContainerWatchMakesNoHalfMadeSlot(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Boot()
		w := startWatch(c)

		dir := mkdirIn(c, "profiles/slow")
		c.Write(dir+"/gateway_state.json", harness.Running)
		w.checkQuiet("a directory without SOUL.md")
		c.Write(dir+"/SOUL.md", "")

		dir = mkdirIn(c, "profiles/.staged.tmp")
		c.Write(dir+"/SOUL.md", "")
		c.Write(dir+"/gateway_state.json", harness.Running)
		w.mark()
		if err := os.Rename(dir, filepath.Join(c.Home, "profiles/staged")); err != nil {
			t.Fatal(err)
		}
		c.WaitUp("gateway-slow", "gateway-staged")
		w.waitOutput(`slotgen: created slot "gateway-staged": profile=staged prior_state=running action=started`)
		if got := c.Run("root", "slotgen", "diff"); got.Code != 0 {
			t.Errorf("the slots are not as reconcile makes them:\n%s%s", got.Stdout, got.Stderr)
		}
		if output := w.output(); strings.Contains(output, "tmp") {
			t.Errorf("the staging name is told:\n%s", output)
		}
		log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log"))
		for _, name := range []string{"default", "slow", "staged"} {
			if n := strings.Count(log, " profile="+name+" "); n != 1 {
				t.Errorf("the boot log has %d lines of %s, want one:\n%s", n, name, log)
			}
		}
	})
}

func TestContainerWatchPassIsLimitedToWhatChanged(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("other", harness.Running)
	c.Boot()
	w := startWatch(c)
	c.WaitUp("gateway-other")
	finish := c.Path("/run/service/gateway-other/finish")
	if err := os.Remove(finish); err != nil {
		t.Fatal(err)
	}
	c.Profile("new", harness.Running)
	c.WaitUp("gateway-new")
	w.waitOutput(`created slot "gateway-new"`)
	if _, err := os.Lstat(finish); err == nil {
		t.Error("a slot whose profile did not change was looked at")
	}
	w.Signal(syscall.SIGHUP)
	c.WaitFor("a look at everything to mend it", func() bool {
		_, err := os.Lstat(finish)
		return err == nil
	})
}

func TestContainerWatchTouchesNothingForAStateFile(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("stops", harness.Running)
		c.Profile("starts", harness.Stopped)
		c.Boot()
		w := startWatch(c)
		c.WaitUp("gateway-stops")
		w.checkQuiet("state files", func() {
			for range 20 {
				c.Profile("stops", harness.Stopped)
				c.Profile("starts", harness.Running)
			}
		})

		// Later passes leave the down files too: over another profile, over all, and for templates.
		c.Profile("other", harness.Running)
		c.WaitUp("gateway-other")
		w.Signal(syscall.SIGHUP)
		w.waitOutput("4 profiles: 0 created, 0 updated, 4 unchanged")
		c.Override("timeout-finish.tmpl", "4000\n")
		for _, name := range []string{"stops", "starts"} {
			w.waitOutput(`slot "gateway-` + name + `" is live, in force at next start: timeout-finish (added)`)
		}
		if _, err := os.Lstat(c.Path("/run/service/gateway-stops/down")); err == nil {
			t.Error("a slot that was to start has a down file")
		}
		if _, err := os.Lstat(c.Path("/run/service/gateway-starts/down")); err != nil {
			t.Errorf("a slot that was to stay down has lost its down file: %v", err)
		}
		if !c.IsUp("gateway-stops") || c.IsUp("gateway-starts") {
			t.Error("a service was started or stopped")
		}
		c.MustRun("root", "slotgen", "reconcile")
		if _, err := os.Lstat(c.Path("/run/service/gateway-starts/down")); err == nil {
			t.Error("reconcile left the down file of a profile that is to start")
		}
	})
}

func TestContainerWatchBringsTemplatesIntoForce(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Profile("writer", harness.Stopped)
		data := func(service string) string {
			text, _ := os.ReadFile(c.Path("/run/service/" + service + "/data/note"))
			return string(text)
		}
		has := func(service, text string) {
			t.Helper()
			c.WaitFor(fmt.Sprintf("%q in %s", text, service), func() bool { return data(service) == text })
		}
		templates := c.Path("/etc/slotgen/templates")
		// The kubelet mounts a ConfigMap like this: files are links through ..data. It replaces
		// ..data as a whole.
		version := func(n int) {
			t.Helper()
			dir := fmt.Sprintf("..v%d", n)
			c.Override(dir+"/note", strconv.Itoa(n))
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
		c.Boot()
		w := startWatch(c)
		c.WaitUp("gateway-coder")
		pid := c.ServicePID("gateway-coder")
		has("gateway-coder", "1")
		version(2)
		has("gateway-coder", "2")
		has("gateway-writer", "2")

		c.Override("profiles/coder/data/note.tmpl", "own")
		has("gateway-coder", "own")
		c.Override("profiles/coder/data/note.tmpl", "changed")
		has("gateway-coder", "changed")
		if got := data("gateway-writer"); got != "2" {
			t.Errorf("writer has coder's template: %q", got)
		}

		c.Override("run.tmpl", "{{ .Nonsense }}")
		w.waitOutput(`slotgen: error: 3 profiles (default, coder, writer): template`)
		has("gateway-writer", "2")
		w.checkQuiet("a template that stays broken")
		if err := os.RemoveAll(templates + "/run.tmpl"); err != nil {
			t.Fatal(err)
		}
		w.waitOutput(`slotgen: slot "gateway-writer": the problem is gone: profile=writer prior_state=stopped action=registered`)
		if log := harness.ReadText(t, filepath.Join(c.Home, "logs/container-boot.log")); !strings.Contains(log, "profile=writer prior_state=stopped action=failed") ||
			!strings.Contains(log[strings.LastIndex(log, "profile=writer"):], "action=registered prior_exit=unknown change=unchanged ") {
			t.Errorf("the boot log does not end well:\n%s", log)
		}
		version(3)
		has("gateway-writer", "3")
		if c.ServicePID("gateway-coder") != pid {
			t.Error("a live service was restarted")
		}
	})
}

func TestContainerWatchIsAServiceOfS6(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		dir := c.Path("/run/service/watch")
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
		c.Boot()
		c.WaitFor("the watch to be ready", func() bool {
			text := c.Svstat("watch") // s6-svstat can print "ready" for a service that is down
			return strings.HasPrefix(text, "up ") && strings.Contains(text, "ready ")
		})
		if !c.HasSlot("gateway-coder") || !c.HasSlot("gateway-default") {
			t.Error("it is ready before the slots are there")
		}
		c.WaitUp("gateway-coder")
		c.MustRun("root", "s6-svc", "-h", "/run/service/watch")
		c.WaitFor("it to look at everything again", func() bool {
			return strings.Contains(harness.ReadText(t, c.Path("/tmp/watch")), "2 profiles: 0 created, 0 updated, 2 unchanged")
		})
		c.MustRun("root", "s6-svc", "-d", "/run/service/watch")
		c.WaitFor("it to end", func() bool {
			text, _ := os.ReadFile(c.Path("/tmp/finished"))
			return string(text) == "0\n"
		})
		if !c.IsUp("gateway-coder") {
			t.Error("the gateways ended with it")
		}
	})
}
