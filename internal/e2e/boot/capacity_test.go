package boot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// makeProfiles makes the profiles p000, p001 and so on. Those from number first on were running.
func makeProfiles(c *harness.Container, count, first int) {
	c.T.Helper()
	for i := range count {
		state := ""
		if i >= first {
			state = harness.Running
		}
		c.Profile(fmt.Sprintf("p%03d", i), state)
	}
	c.Override("run.tmpl", "#!/bin/sh\nexec sleep 100000\n")
	c.Override("log/run.tmpl", "#!/bin/sh\nexec cat >/dev/null\n")
}

// This fact is why --max-services exists: since 2.12, an s6-svscan that finds too many services
// starts none of them. 2.11 starts the first ones.
func TestContainerS6StartsNothingAboveItsLimit(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		makeProfiles(c, 600, 550)
		c.MustRun("root", "slotgen", "reconcile", "--max-services", "5000")
		c.Boot()
		if release.Name == "2.11" {
			c.WaitFor("the first 500 slots to be supervised", func() bool {
				n := 0
				for i := range 600 {
					if slot := fmt.Sprintf("gateway-p%03d", i); c.IsSupervised(slot) && c.IsSupervised(slot+"/log") {
						n++
					}
				}
				return n >= 499 // the default profile has a slot too
			})
			return
		}
		c.WaitFor("s6-svscan to complain", func() bool { return strings.Contains(harness.ReadText(t, c.Console), "too many services") })
		if n := len(c.Supervisors()); n > 0 {
			t.Errorf("%d services are supervised", n)
		}
	})
}

func TestContainerWithMoreSlotsThanS6TakesWhatWantsToRunRuns(t *testing.T) {
	for when, boot := range map[string]bool{"before s6-svscan starts": false, "under a running s6-svscan": true} {
		t.Run(when, func(t *testing.T) {
			harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
				c := harness.NewContainer(t, release)
				makeProfiles(c, 600, 550)
				if boot {
					c.Boot()
				}
				got := c.Run("root", "slotgen", "reconcile", "--rescan")
				if !boot {
					c.Boot()
				}
				const reason = "): s6-svscan takes 1000 services, loggers counted: no room for this one\n"
				failed := strings.Count(got.Stdout, "action=failed\n")
				if got.Code != 1 || failed == 0 || strings.Count(got.Stderr, reason) != 1 || !strings.Contains(got.Stderr, fmt.Sprintf("error: %d profiles (", failed)) {
					t.Fatalf("exit code %d, %d failed, and the error is not one with their number:\n%s", got.Code, failed, got.Stderr)
				}
				var wanting, published []string
				for line := range strings.Lines(got.Stdout) {
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
					c.WaitSupervised(slot, slot+"/log")
				}
				c.WaitUp(wanting...)
				// A second pass makes the same choice as the first one.
				again := c.Run("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
				if again.Code != 1 || again.Stdout != got.Stdout || strings.Contains(again.Stderr, "has no supervisor") {
					t.Errorf("the second pass says otherwise, exit code %d:\n%s", again.Code, again.Stderr)
				}
			})
		})
	}
}
