package boot

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// talkative prints more than a pipe holds, and then says so.
const talkative = "#!/bin/sh\nyes 'a line of coder' | head -c 200000\necho coder has printed all\nexec sleep 1000\n"

func TestContainerGatewayPrintsOnWhereItsLogCannotBeWritten(t *testing.T) {
	tests := map[string]struct {
		setUp  string // as root, before the boot
		reason string // of s6-log
	}{
		"a directory of root's":    {"mkdir -p /opt/data/logs/gateways/coder; chmod 755 /opt/data/logs/gateways/coder", "Permission denied"},
		"a parent of root's":       {"mkdir -p /opt/data/logs/gateways; chmod 755 /opt/data/logs/gateways", "Permission denied"},
		"a read-only volume":       {"mount --bind /opt/data /opt/data; mount -o remount,bind,ro /opt/data", "No such file or directory"},
		"a file where it would be": {"mkdir -p /opt/data/logs/gateways; : >/opt/data/logs/gateways/coder; chown -R hermes /opt/data/logs", "Not a directory"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
				c := harness.NewContainer(t, release)
				c.Profile("coder", harness.Running)
				c.Override("profiles/coder/run.tmpl", talkative)
				c.Boot()
				c.MustRun("root", "sh", "-c", tt.setUp)
				c.Run("root", "slotgen", "reconcile", "--rescan")
				c.WaitFor("coder's lines in the container's log", func() bool {
					return strings.Contains(harness.ReadText(t, c.Console), "coder has printed all\n")
				})
				said := regexp.MustCompile(`(?m)^s6-log: fatal: .*/logs/gateways/coder.*` + tt.reason + "$")
				if text := harness.ReadText(t, c.Console); len(said.FindAllString(text, -1)) != 1 {
					t.Errorf("the container's log does not say once why, by %q:\n%s", tt.reason, text[:min(len(text), 1000)])
				}
			})
		})
	}
}

func TestContainerLoggerLeavesTheLogOfAnotherAlone(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Override("profiles/coder/run.tmpl", talkative)
		const dir = "/opt/data/logs/gateways/coder"
		c.MustRun("root", "sh", "-c", "mkdir -p "+dir+" && chown -R hermes:hermes /opt/data/logs")
		c.Spawn("hermes", "sh", "-c", "{ echo from another container; sleep 1000; } | s6-log -b n10 s4096 T "+dir)
		c.WaitFor("the other logger's line", func() bool {
			text, _ := os.ReadFile(c.Home + "/logs/gateways/coder/current")
			return strings.Contains(string(text), "from another container")
		})
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitFor("coder's lines in the container's log", func() bool {
			return strings.Contains(harness.ReadText(t, c.Console), "coder has printed all\n")
		})
		if names := harness.NamesIn(t, c.Home+"/logs/gateways/coder"); strings.Join(names, " ") != "current lock state" {
			t.Errorf("the log holds %q: it was rotated", names)
		}
		if text := harness.ReadText(t, c.Home+"/logs/gateways/coder/current"); strings.Count(text, "\n") != 1 {
			t.Errorf("the log of the other container is\n%s", text)
		}
	})
}

// A lock that root made, as an older logger did, keeps no logger out.
func TestContainerLoggerRemovesALockThatItCannotWrite(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("coder", harness.Running)
	c.Mkdir(c.Home + "/logs/gateways/coder")
	if err := os.WriteFile(c.Home+"/logs/gateways/coder/lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Boot()
	c.MustRun("root", "slotgen", "reconcile", "--rescan")
	c.WaitFor("coder's log", func() bool { return len(c.LogLines("coder")) > 0 })
}
