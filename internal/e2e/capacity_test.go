package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// crowd makes profiles p000, p001, …; those from first on were running.
func (c *container) crowd(count, first int) {
	c.t.Helper()
	for i := range count {
		state := ""
		if i >= first {
			state = running
		}
		c.profile(fmt.Sprintf("p%03d", i), state)
	}
	c.override("run.tmpl", "#!/bin/sh\nexec sleep 100000\n")
	c.override("log/run.tmpl", "#!/bin/sh\nexec cat >/dev/null\n")
}

// The fact that the limit is there for: from 2.12 on, s6-svscan with more
// services than it takes starts none of them. 2.11 starts the first ones.
func TestContainerS6StartsNothingAboveItsLimit(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.crowd(600, 550)
		c.mustRun("root", "slotgen", "reconcile", "--max-services", "5000")
		c.boot()
		if release.name == "2.11" {
			c.waitFor("the first 500 slots to be supervised", func() bool {
				n := 0
				for i := range 600 {
					if slot := fmt.Sprintf("gateway-p%03d", i); c.isSupervised(slot) && c.isSupervised(slot+"/log") {
						n++
					}
				}
				return n >= 499 // beside the default profile's
			})
			return
		}
		c.waitFor("s6-svscan to complain", func() bool { return strings.Contains(readText(t, c.console), "too many services") })
		if n := len(c.supervisors()); n > 0 {
			t.Errorf("%d services are supervised", n)
		}
	})
}

func TestContainerWithMoreSlotsThanS6TakesWhatWantsToRunRuns(t *testing.T) {
	for when, boot := range map[string]bool{"before s6-svscan starts": false, "under a running s6-svscan": true} {
		t.Run(when, func(t *testing.T) {
			forEachS6(t, func(t *testing.T, release s6Release) {
				c := newContainer(t, release)
				c.crowd(600, 550)
				if boot {
					c.boot()
				}
				got := c.run("root", "slotgen", "reconcile", "--rescan")
				if !boot {
					c.boot()
				}
				const reason = ": s6-svscan takes 1000 services, loggers counted: no room for this one\n"
				failed := strings.Count(got.stdout, "action=failed\n")
				if got.code != 1 || failed == 0 || strings.Count(got.stderr, reason) != failed {
					t.Fatalf("exit code %d, %d failed, %d told of\n%s", got.code, failed, strings.Count(got.stderr, reason), got.stderr)
				}
				var wanting, published []string
				for line := range strings.Lines(got.stdout) {
					var name, state, action string
					if _, err := fmt.Sscanf(line, "reconcile: profile=%s prior_state=%s action=%s", &name, &state, &action); err != nil {
						t.Fatalf("%q: %v", line, err)
					}
					if state == "running" {
						wanting = append(wanting, "gateway-"+name)
					}
					if action != "failed" {
						published = append(published, "gateway-"+name)
					}
				}
				if len(wanting) != 50 || len(published) != 500 {
					t.Errorf("%d want to run, %d are published, want 50 and 500", len(wanting), len(published))
				}
				for _, slot := range wanting {
					if !slices.Contains(published, slot) {
						t.Fatalf("%s wants to run and has no slot", slot)
					}
				}
				for _, slot := range published {
					c.waitSupervised(slot, slot+"/log")
				}
				c.waitUp(wanting...)
				// A second pass stays with the first one's choice.
				again := c.run("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
				if again.code != 1 || again.stdout != got.stdout || strings.Contains(again.stderr, "has no supervisor") {
					t.Errorf("the second pass says otherwise, exit code %d:\n%s", again.code, again.stderr)
				}
			})
		})
	}
}
