package boot

import (
	"encoding/json"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// statusOf returns the row of each profile in the JSON of status, and the exit code.
func statusOf(t *testing.T, c *harness.Container, user string) (rows map[string]statusRow, code int) {
	t.Helper()
	got := c.Run(user, "slotgen", "status", "-o", "json")
	var doc struct{ Profiles []statusRow }
	if err := json.Unmarshal([]byte(got.Stdout), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, got.Stdout, got.Stderr)
	}
	rows = map[string]statusRow{}
	for _, row := range doc.Profiles {
		rows[row.Name] = row
	}
	return rows, got.Code
}

type statusRow struct {
	Name, State, Exit string
	PID               *int
	Healthy           bool
	Notes             []string
}

func (r statusRow) has(note string) bool { return strings.Contains(strings.Join(r.Notes, "; "), note) }

func TestContainerStatusTellsWhatRunsAndWhatToDo(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		if got := c.Run("root", "slotgen", "status"); got.Code != 1 || !strings.Contains(got.Stderr, `error: no slot in scandir "/run/service"`) {
			t.Errorf("without a pass: exit code %d\n%s", got.Code, got.Stderr)
		}
		c.Profile("coder", harness.Running)
		c.Profile("writer", harness.Stopped)
		c.MustRun("root", "slotgen", "reconcile")
		if rows, code := statusOf(t, c, "root"); code != 1 || rows["coder"].State != "unsupervised" || rows["coder"].Healthy || !rows["writer"].Healthy {
			t.Errorf("without s6: exit code %d, %+v", code, rows)
		}
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-coder/log")
		c.WaitSupervised("gateway-writer", "gateway-default")
		for _, user := range []string{"root", "hermes"} {
			rows, code := statusOf(t, c, user)
			if code != 0 || rows["coder"].State != "up" || rows["coder"].PID == nil || rows["writer"].State != "down" || rows["writer"].Exit != "" || len(rows) != 3 {
				t.Errorf("as %s: exit code %d, %+v", user, code, rows)
			}
		}
		if rows, code := statusOf(t, c, "stranger"); code != 0 || rows["coder"].State != "?" {
			t.Errorf("as a stranger: exit code %d, %+v", code, rows)
		}

		c.MustRun("root", "s6-svc", "-wD", "-d", "/run/service/gateway-coder")
		rows, code := statusOf(t, c, "root")
		if row := rows["coder"]; code != 0 || row.State != "down" || !row.has("to start it: /command/s6-svc -u /run/service/gateway-coder") {
			t.Errorf("stopped by hand: exit code %d, %+v", code, row)
		}
		c.MustRun("root", "s6-svc", "-u", "/run/service/gateway-coder")
		c.WaitUp("gateway-coder")
	})
}

func TestContainerStatusNamesAnOldScriptAnOrphanAndALostLog(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Profile("gone", harness.Running)
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitUp("gateway-coder", "gateway-gone")
		c.Forget("gone")
		c.Profile("new", harness.Running)
		c.WaitFor("coder's log", func() bool { return harness.Exists(c.Home + "/logs/gateways/coder/current") })
		c.MustRun("root", "chown", "root", "/opt/data/logs/gateways/coder")
		c.WaitFor("coder to be up for longer than the clock's grain", func() bool {
			c.MustRun("root", "slotgen", "reconcile", "--profile", "coder", "--env", "NEW="+c.Svstat("gateway-coder"))
			rows, _ := statusOf(t, c, "root")
			return rows["coder"].has("runs an older run script; to restart it: /command/s6-svc -r /run/service/gateway-coder")
		})
		rows, code := statusOf(t, c, "root")
		if !rows["gone"].has("slotgen reconcile --prune removes it") || rows["gone"].State != "up" {
			t.Errorf("the orphan: %+v", rows["gone"])
		}
		if code != 1 || rows["new"].State != "no slot" || rows["new"].Healthy {
			t.Errorf("a profile without a slot: exit code %d, %+v", code, rows["new"])
		}
		if !rows["coder"].has(`its log can't be written: "/opt/data/logs/gateways/coder" belongs to 0:`) {
			t.Errorf("the log: %+v", rows["coder"])
		}
	})
}

func TestContainerStatusTellsOfAGatewayThatDiesAgainAndAgain(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Override("profiles/coder/run.tmpl", "#!/bin/sh\nprintf 'no \\033[31mkey\\n'\nexit 3\n")
		c.MustRun("root", "slotgen", "reconcile")
		c.Boot()
		c.WaitFor("coder to die three times", func() bool {
			rows, code := statusOf(t, c, "root")
			return code == 1 && rows["coder"].State == "flapping" && rows["coder"].has(" times in the last minute: slotgen status coder shows its log")
		})
		got := c.Run("root", "slotgen", "status", "coder")
		for _, want := range []string{"state:     flapping", "recorded:  running\n", "\nboot log:\n", "\nlog:\n", ` no \x1b[31mkey` + "\n"} {
			if !strings.Contains(got.Stdout, want) {
				t.Errorf("status coder does not have %q:\n%s", want, got.Stdout)
			}
		}
		if want := "slotgen: error: 1 gateway should be up and is not: coder\n"; got.Code != 1 || got.Stderr != want {
			t.Errorf("exit code %d, stderr %q, want %q", got.Code, got.Stderr, want)
		}
		c.MustRun("root", "s6-svc", "-wD", "-d", "/run/service/gateway-coder")
	})
}
