package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// plant puts programs of the user's before all but s6's in the PATH of the container. Each
// does what the real one does, and says by which uid.
func (c *container) plant(names ...string) (said func(uid int) string) {
	c.t.Helper()
	for _, name := range names {
		text := "#!/bin/sh\necho " + name + " >>/tmp/said-by-$(/usr/bin/id -u)\nexec /usr/bin/" + name + " \"$@\"\n"
		file := c.path("/opt/hermes/.venv/bin/" + name)
		c.write(file, text)
		if err := os.Chmod(file, 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	return func(uid int) string {
		text, _ := os.ReadFile(c.path(fmt.Sprintf("/tmp/said-by-%d", uid)))
		return string(text)
	}
}

// The virtual environment may be the user's, and s6-overlay's with-contenv looks up what
// it is given in the PATH that it loads.
func TestContainerNoProgramOfTheUsersRunsAsRoot(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, unhurriedStop)
		c.profile("coder", running)
		c.installHooks()
		said := c.plant("sh", "id", "mkdir", "rm", "mv", "cat", "sleep", "env")
		c.boot()
		if got := c.runScripts("/etc/cont-init.d"); got.code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.waitUp("gateway-coder", "gateway-default/log")
		log := filepath.Join(c.home, "logs/gateways/coder/current")
		c.waitFor("a log", func() bool { return exists(log) })
		c.exitWith("coder", 78)
		c.mustRun("root", "s6-svc", "-t", "/run/service/gateway-coder")
		c.waitFor("the finish script", func() bool {
			return strings.HasPrefix(c.svstat("gateway-coder"), "down ")
		})
		c.mustRun("root", "slotgen", "hook", "s6-rc", "--out", "/tmp/rc")
		c.mustRun("root", "mv", "/tmp/rc/slotgen-watch", "/run/service/watch")
		c.mustRun("root", "s6-svscanctl", "-a", "/run/service")
		c.waitUp("watch")
		c.mustRun("root", "s6-svwait", "-U", "-t", hangLimitMS, "/run/service/watch")
		// s6-overlay takes its services down before it runs the stop script: a pass beside
		// that would bring the gateways back.
		c.mustRun("root", "s6-svc", "-wD", "-T", hangLimitMS, "-d", "/run/service/watch")
		if got := c.runScripts("/etc/cont-finish.d"); got.code != 0 {
			t.Errorf("the stop script: %+v", got)
		}
		if got := said(0); got != "" {
			t.Errorf("ran as root:\n%s", got)
		}
		if got := said(hermesID); !strings.Contains(got, "mkdir\n") {
			t.Errorf("by the user none was found where they are first:\n%s", got)
		}
	})
}

// An empty word in the loader's path is the directory where a program runs. What the loader
// finds there it runs before the program.
func TestContainerNoLibraryOfTheUsersIsLoadedByRoot(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release, withVar("LD_LIBRARY_PATH", "/nowhere:"))
		c.profile("coder", running)
		// Of no use, and for root to read only: no program that root runs there begins, and id
		// is one that takes this library.
		library := filepath.Join(c.home, "libselinux.so.1")
		c.write(library, "no library")
		if err := errors.Join(os.Chown(library, 0, 0), os.Chmod(library, 0o600)); err != nil {
			t.Fatal(err)
		}
		if got := c.run("root", "sh", "-c", "cd /opt/data && id"); got.code == 0 {
			t.Fatal("id takes no library of that name")
		}
		c.mustRun("root", "slotgen", "reconcile")
		c.boot()
		c.waitFor("the gateway's start", func() bool { return len(c.records("coder")) > 0 })
		if got := c.records("coder")[0]; got.uid != strconv.Itoa(hermesID) || got.dir != "/opt/data" {
			t.Errorf("the gateway began as %s in %q", got.uid, got.dir)
		}
	})
}
