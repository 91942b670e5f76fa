package harness

import (
	"strings"
	"testing"
)

func (c *Container) WaitUp(slots ...string) {
	c.T.Helper()
	for _, slot := range slots {
		c.WaitFor(slot+" to be up", func() bool { return c.IsUp(slot) })
	}
}

// WaitSupervised waits for a slot that stays down to have its supervisor.
func (c *Container) WaitSupervised(slots ...string) {
	c.T.Helper()
	for _, slot := range slots {
		c.WaitFor(slot+" to be supervised", func() bool { return c.IsSupervised(slot) })
	}
}

// CheckDown holds that a supervisor leaves its service down, by what it notes when it starts.
func (c *Container) CheckDown(slots ...string) {
	c.T.Helper()
	c.WaitSupervised(slots...)
	for _, slot := range slots {
		c.WaitFor("the status of "+slot, func() bool { return Exists(c.Path("/run/service/" + slot + "/supervise/status")) })
		if got := c.Svstat(slot); !strings.HasPrefix(got, "down ") || strings.Contains(got, "want up") {
			c.T.Errorf("%s: %s, want down", slot, got)
		}
	}
}

// NeverStarted holds that a profile's gateway has not run, and that its supervisor and s6-svscan
// have nothing left to do that would start it.
func NeverStarted(t *testing.T, c *Container, profile string) {
	t.Helper()
	c.WaitSupervised("gateway-" + profile)
	c.Rescan()
	c.CheckDown("gateway-" + profile)
	if n := len(c.Records(profile)); n > 0 {
		t.Errorf("%s ran %d times", profile, n)
	}
}

// CheckGone holds that nothing of a slot is left: no directory, no process.
func CheckGone(t *testing.T, c *Container, service string) {
	t.Helper()
	if c.HasSlot(service) || len(c.Hidden()) > 0 {
		t.Errorf("%s stands: %v, hidden: %q", service, c.HasSlot(service), c.Hidden())
	}
	c.WaitFor("the supervisors of "+service+" to be gone", func() bool {
		n := c.Supervisors()
		return n[service] == 0 && n[service+"/log"] == 0
	})
	if lost := c.InDeletedDirs(); len(lost) > 0 {
		t.Errorf("in deleted directories: %+v", lost)
	}
}
