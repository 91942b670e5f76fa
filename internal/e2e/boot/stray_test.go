package boot

import (
	"fmt"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// Somebody removes a live slot. Its supervisor, its gateway and its logger go on in the deleted
// directory: a new slot would run beside them.
func TestContainerRemovedSlotIsNotPublishedBesideItsService(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		for _, name := range []string{"coder", "writer", "gone"} {
			c.Profile(name, harness.Running)
		}
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log", "gateway-writer", "gateway-gone")
		c.MustRun("root", "rm", "-rf", "/run/service/gateway-coder", "/run/service/gateway-gone")
		c.Forget("gone")

		got := c.Run("root", "slotgen", "reconcile", "--rescan")
		const hint = "s6-svscanctl -an /run/service ends the services whose directories were removed"
		pid := supervisorOf(c, "gateway-coder")
		want := fmt.Sprintf(`slotgen: error: profile "coder": process %s (s6-supervise) still runs its service in a directory that was removed`, pid)
		if got.Code != 1 || !strings.Contains(got.Stderr, want+"\nslotgen: hint: "+hint) || !strings.Contains(got.Stdout, "profile=writer prior_state=running action=started") {
			t.Errorf("exit code %d\n%s%s\nwant %s", got.Code, got.Stdout, got.Stderr, want)
		}
		c.Rescan()
		if n := c.Supervisors()["gateway-coder"]; n != 1 || c.HasSlot("gateway-coder") {
			t.Errorf("%d supervisors of coder; a slot: %v", n, c.HasSlot("gateway-coder"))
		}

		rows, code := statusOf(t, c, "root")
		for _, name := range []string{"coder", "gone"} {
			note := fmt.Sprintf("process %s still runs it in a slot that was removed: %s", supervisorOf(c, "gateway-"+name), hint)
			if row := rows[name]; code != 1 || row.State != "no slot" || !row.has(note) {
				t.Errorf("status of %s: exit code %d, %+v, want %q", name, code, row, note)
			}
		}

		c.MustRun("root", "s6-svscanctl", "-an", "/run/service")
		c.WaitFor("the old services to end", func() bool {
			n := c.Supervisors()
			return n["gateway-coder"]+n["gateway-coder/log"]+n["gateway-gone"] == 0
		})
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.WaitUp("gateway-coder")
		if rows, code := statusOf(t, c, "root"); code != 0 || len(rows["coder"].Notes) > 0 {
			t.Errorf("after all: exit code %d, %+v", code, rows)
		}
	})
}

// supervisorOf returns the number, inside the container, of the supervisor of a service.
func supervisorOf(c *harness.Container, service string) string {
	c.T.Helper()
	return strings.TrimSpace(c.MustRun("root", "pgrep", "-xf", "s6-supervise "+service))
}
