package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// plant puts programs into the PATH of the container before all but those of s6. They belong to
// the user. Each one records the uid that runs it, then runs the real program.
func plant(c *harness.Container, names ...string) (ranAs func(uid int) string) {
	c.T.Helper()
	for _, name := range names {
		text := "#!/bin/sh\necho " + name + " >>/tmp/said-by-$(/usr/bin/id -u)\nexec /usr/bin/" + name + " \"$@\"\n"
		file := c.Path("/opt/hermes/.venv/bin/" + name)
		c.Write(file, text)
		if err := os.Chmod(file, 0o755); err != nil {
			c.T.Fatal(err)
		}
	}
	return func(uid int) string {
		text, _ := os.ReadFile(c.Path(fmt.Sprintf("/tmp/said-by-%d", uid)))
		return string(text)
	}
}

// The virtual environment may belong to the user. s6-overlay's with-contenv looks up its command
// in the PATH that it loads.
func TestContainerNoProgramOfTheUsersRunsAsRoot(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Profile("coder", harness.Running)
		installHooks(c)
		ranAs := plant(c, "sh", "id", "mkdir", "rm", "mv", "cat", "sleep", "env")
		c.Boot()
		if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
			t.Fatalf("the boot script: %+v", got)
		}
		c.WaitUp("gateway-coder", "gateway-default/log")
		log := filepath.Join(c.Home, "logs/gateways/coder/current")
		c.WaitFor("a log", func() bool { return harness.Exists(log) })
		c.ExitWith("coder", 78)
		c.MustRun("root", "s6-svc", "-t", "/run/service/gateway-coder")
		c.WaitFor("the finish script", func() bool {
			return strings.HasPrefix(c.Svstat("gateway-coder"), "down ")
		})
		c.MustRun("root", "slotgen", "hook", "s6-rc", "--out", "/tmp/rc")
		c.MustRun("root", "mv", "/tmp/rc/slotgen-watch", "/run/service/watch")
		c.MustRun("root", "s6-svscanctl", "-a", "/run/service")
		c.WaitUp("watch")
		c.MustRun("root", "s6-svwait", "-U", "-t", harness.HangLimitMS, "/run/service/watch")
		// s6-overlay takes its services down before it runs the stop script. Otherwise a pass of the
		// watch would bring the gateways back.
		c.MustRun("root", "s6-svc", "-wD", "-T", harness.HangLimitMS, "-d", "/run/service/watch")
		if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
			t.Errorf("the stop script: %+v", got)
		}
		if got := ranAs(0); got != "" {
			t.Errorf("ran as root:\n%s", got)
		}
		if got := ranAs(harness.HermesID); !strings.Contains(got, "mkdir\n") {
			t.Errorf("by the user none was found where they are first:\n%s", got)
		}
	})
}

// An empty entry in LD_LIBRARY_PATH means the current directory. The loader runs code from the
// libraries there before the program starts.
func TestContainerNoLibraryOfTheUsersIsLoadedByRoot(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.WithVar("LD_LIBRARY_PATH", "/nowhere:"))
		c.Profile("coder", harness.Running)
		// The file is no library, and only root can read it. A program that loads it does not start.
		// id needs a library of this name.
		library := filepath.Join(c.Home, "libselinux.so.1")
		c.Write(library, "no library")
		if err := errors.Join(os.Chown(library, 0, 0), os.Chmod(library, 0o600)); err != nil {
			t.Fatal(err)
		}
		if got := c.Run("root", "sh", "-c", "cd /opt/data && id"); got.Code == 0 {
			t.Fatal("id takes no library of that name")
		}
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitFor("the gateway's start", func() bool { return len(c.Records("coder")) > 0 })
		if got := c.Records("coder")[0]; got.UID != strconv.Itoa(harness.HermesID) || got.Dir != "/opt/data" {
			t.Errorf("the gateway began as %s in %q", got.UID, got.Dir)
		}
	})
}
