package harness

import (
	"strconv"
	"strings"
	"testing"
)

// WaitUp waits until each slot's service is up.
func (c *Container) WaitUp(slots ...string) {
	c.T.Helper()
	for _, slot := range slots {
		c.WaitFor(slot+" to be up", func() bool { return c.IsUp(slot) })
	}
}

// WaitTrap waits until each profile's service is up and has set its trap for TERM. s6 counts a
// service as up before its script begins.
func (c *Container) WaitTrap(profiles ...string) {
	c.T.Helper()
	for _, profile := range profiles {
		c.WaitFor(profile+" to trap TERM", func() bool {
			records := c.Records(profile)
			return len(records) > 0 && records[len(records)-1].PID == strconv.Itoa(c.ServicePID("gateway-"+profile))
		})
	}
}

// WaitSupervised waits until each slot has a supervisor. It is for slots that stay down.
func (c *Container) WaitSupervised(slots ...string) {
	c.T.Helper()
	for _, slot := range slots {
		c.WaitFor(slot+" to be supervised", func() bool { return c.IsSupervised(slot) })
	}
}

// CheckDown checks that each slot's supervisor leaves the service down. It reads the status that
// the supervisor writes when it starts.
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

// NeverStarted checks that a profile's gateway has not run. It first waits until the supervisor
// and s6-svscan have done everything that could start the gateway.
func NeverStarted(t *testing.T, c *Container, profile string) {
	t.Helper()
	c.WaitSupervised("gateway-" + profile)
	c.Rescan()
	c.CheckDown("gateway-" + profile)
	if n := len(c.Records(profile)); n > 0 {
		t.Errorf("%s ran %d times", profile, n)
	}
}

// CheckGone checks that no directory and no process of a slot is left.
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
