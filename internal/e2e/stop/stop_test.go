package stop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// many makes that number of profiles that were running, with small gateways and loggers.
func many(c *harness.Container, count int) {
	c.T.Helper()
	for i := range count {
		c.Profile(fmt.Sprintf("p%03d", i), harness.Running)
	}
	c.Override("run.tmpl", `#!/bin/sh
trap 'echo the last line of {{ .Name }}; kill $!; exit' TERM
sleep 100000 &
echo ready
wait
`)
	c.Override("log/run.tmpl", "#!/bin/sh\nexec cat >>/tmp/log-{{ .Name }}\n")
}

// programs returns the programs that a command starts, itself included, and its result.
func programs(c *harness.Container, argv ...string) ([]string, harness.ExecResult) {
	c.T.Helper()
	testenv.NeedProgram(c.T, "strace")
	got := c.Run("root", append([]string{"strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", "/tmp/programs", "-e", "trace=execve,execveat"}, argv...)...)
	return strings.Split(strings.TrimSpace(harness.ReadText(c.T, c.Path("/tmp/programs"))), "\n"), got
}

func TestContainerStopEndsHundredsOfGatewaysAndStartsNoProgram(t *testing.T) {
	t.Parallel()
	const count = 300
	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop)
	many(c, count)
	c.Boot()
	c.MustRun("root", "slotgen", "reconcile", "--rescan")
	for i := range count {
		c.WaitFor("a gateway to print", func() bool {
			text, _ := os.ReadFile(c.Path(fmt.Sprintf("/tmp/log-p%03d", i)))
			return string(text) == "ready\n"
		})
	}
	started, got := programs(c, "slotgen", "stop")
	if got.Code != 0 || !strings.Contains(got.Stderr, fmt.Sprintf("slotgen: stop: %d slots taken down in ", count+1)) || len(started) != 1 {
		t.Errorf("exit code %d, stderr %q, programs %q", got.Code, got.Stderr, started)
	}
	for i := range count {
		name := fmt.Sprintf("p%03d", i)
		if got, want := harness.ReadText(t, c.Path("/tmp/log-"+name)), "the last line of "+name+"\n"; !strings.HasSuffix(got, want) {
			t.Errorf("the log of %s ends in %q", name, got)
		}
	}
	if left := left(c); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// left returns the paths of all slots, visible, hidden and staged, and the names of all
// supervised gateways.
func left(c *harness.Container) []string {
	c.T.Helper()
	var all []string
	for _, pattern := range []string{"gateway-*", ".gateway-*"} {
		paths, err := filepath.Glob(c.Path("/run/service/" + pattern))
		if err != nil {
			c.T.Fatal(err)
		}
		all = append(all, paths...)
	}
	for service := range c.Supervisors() {
		if strings.HasPrefix(service, "gateway-") {
			all = append(all, service)
		}
	}
	return all
}

// Passes and a watch go on while stop ends the gateways.
func TestContainerNoPassBringsAStoppedGatewayBack(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Household()
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitUp("gateway-coder", "gateway-default")
		watch := c.Spawn("root", "slotgen", "watch", "--interval", "1s")
		passes := c.Spawn("root", "sh", "-c", `until [ -e /tmp/enough ]; do slotgen reconcile --rescan; done; slotgen reconcile --rescan --env ROUND=last`)
		c.WaitFor("the first passes", func() bool { return strings.Count(harness.ReadText(t, passes.Stdout), "profile=coder") > 2 })
		if got := c.Run("root", "slotgen", "stop"); got.Code != 0 {
			t.Errorf("stop: %+v", got)
		}
		c.Profile("late-comer", harness.Running)
		c.WaitFor("the watch to be refused", func() bool {
			return strings.Contains(harness.ReadText(t, watch.Stderr), "slotgen stop has ended the gateways")
		})
		c.Write(c.Path("/tmp/enough"), "")
		got := passes.Wait()
		if got.Code != 1 || !strings.HasSuffix(got.Stderr, "slotgen: hint: to start them again: slotgen reconcile --resume --rescan\n") {
			t.Errorf("a pass after stop: exit code %d, %q", got.Code, got.Stderr)
		}
		if left := left(c); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		for _, command := range []string{"status", "scan", "diff"} {
			if got := c.Run("root", "slotgen", command); !strings.Contains(got.Stderr, "slotgen: warning: slotgen stop has ended the gateways") {
				t.Errorf("%s does not tell of the stop: %q", command, got.Stderr)
			}
		}
		c.MustRun("root", "slotgen", "reconcile", "--resume", "--rescan")
		c.WaitUp("gateway-coder", "gateway-default", "gateway-late-comer")
		c.CheckDown("gateway-accounts")
		c.MustRun("root", "slotgen", "reconcile")
	})
}

// The prune waits for its gateway, with the scandir's lock. Stop makes it let go.
func TestContainerStopEndsAPrune(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Profile("gone", harness.Running)
		c.Profile("coder", harness.Running)
		c.OnTerm("gone", "touch /tmp/told; until [ -e /tmp/released ]; do sleep 0.02; done\n")
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitTrap("gone")
		c.WaitUp("gateway-coder")
		c.Forget("gone")
		prune := c.Spawn("root", "slotgen", "reconcile", "--prune", "--rescan")
		c.WaitFor("the prune to take its gateway down", func() bool { return harness.Exists(c.Path("/tmp/told")) })
		stop := c.Spawn("root", "slotgen", "stop")
		if got := prune.Wait(); strings.Contains(got.Stdout, "profile=coder prior_state=running action=started change=created") {
			t.Errorf("the prune: %+v", got)
		}
		c.Write(c.Path("/tmp/released"), "")
		if got := stop.Wait(); got.Code != 0 {
			t.Errorf("stop: %+v", got)
		}
		if left := left(c); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

// A gateway under a name that an earlier prune still holds hidden can't be hidden before.
func TestContainerStopEndsBothServicesOfAName(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release, harness.UnhurriedStop)
		c.Profile("default", harness.Running)
		c.Profile("coder", harness.Running)
		c.OnTerm("coder", "until [ -e /tmp/released ]; do sleep 0.02; done\n")
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--rescan")
		c.WaitTrap("coder")
		c.MustRun("root", "mv", "/run/service/gateway-coder", "/run/service/.gateway-coder.old")
		c.MustRun("root", "cp", "-a", "/run/service/gateway-default", "/run/service/gateway-coder")
		c.Rescan()
		c.WaitUp("gateway-coder")
		stop := c.Spawn("root", "slotgen", "stop")
		c.Write(c.Path("/tmp/released"), "")
		if got := stop.Wait(); got.Code != 0 || !strings.Contains(got.Stderr, "3 slots taken down") {
			t.Errorf("stop: %+v", got)
		}
		if left := left(c); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

func TestContainerStopNeedsRoot(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	c.Profile("coder", harness.Running)
	c.Boot()
	c.MustRun("root", "slotgen", "reconcile", "--rescan")
	c.WaitUp("gateway-coder")
	pid := c.ServicePID("gateway-coder")
	got := c.Run("hermes", "slotgen", "stop")
	if got.Code != 2 || !strings.Contains(got.Stderr, "slotgen: hint: only root may do this\n") || c.ServicePID("gateway-coder") != pid {
		t.Errorf("as the user: %+v", got)
	}
}
