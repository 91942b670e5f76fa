package boot

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"slotgen/internal/e2e/harness"
)

// makeOverrideDirs makes override directories. Each one marks every run script with its number.
func makeOverrideDirs(c *harness.Container, count int) {
	c.T.Helper()
	text := c.MustRun("root", "slotgen", "templates", "show", "--file", "run")
	for i := range count {
		dir := c.Path(fmt.Sprintf("/tmp/override%d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			c.T.Fatal(err)
		}
		marked := strings.Replace(text, "set -e\n", fmt.Sprintf("set -e\n# mark %d\n", i), 1)
		if err := os.WriteFile(dir+"/run.tmpl", []byte(marked), 0o644); err != nil {
			c.T.Fatal(err)
		}
	}
}

// runUntilLocked runs slotgen again until it gets the lock. When many run at once on a slow
// machine, one may have to wait longer than slotgen does.
func runUntilLocked(c *harness.Container, argv ...string) (got harness.ExecResult) {
	c.T.Helper()
	c.WaitFor("the lock", func() bool {
		got = c.Run("root", append([]string{"slotgen"}, argv...)...)
		return got.Code != harness.ExitUsage || !strings.Contains(got.Stderr, ": still held after ")
	})
	return got
}

func TestContainerManyPassesAtOnceLeaveOneState(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		const profiles = 8
		passes := 4 * runtime.NumCPU()
		for i := range profiles {
			c.Profile(fmt.Sprintf("p%d", i), harness.Running)
		}
		makeOverrideDirs(c, passes)
		for _, live := range []bool{false, true} {
			if live {
				c.Boot()
				c.WaitUp("gateway-p0", "gateway-p7")
			}
			var wg sync.WaitGroup
			for i := range passes {
				wg.Go(func() {
					got := runUntilLocked(c, "reconcile", "--rescan", "--templates", fmt.Sprintf("/tmp/override%d", i))
					if got.Code != 0 {
						t.Errorf("pass %d ended with %d:\n%s", i, got.Code, got.Stderr)
					}
				})
			}
			wg.Wait()
			mark := regexp.MustCompile(`# mark \d+\n`)
			first := mark.FindString(harness.ReadText(t, c.Path("/run/service/gateway-default/run")))
			for i := range profiles {
				run := harness.ReadText(t, c.Path(fmt.Sprintf("/run/service/gateway-p%d/run", i)))
				if first == "" || mark.FindString(run) != first {
					t.Errorf("live %v: p%d is of another pass than default: %q, %q", live, i, mark.FindString(run), first)
				}
			}
			if got := c.Hidden(); len(got) > 0 {
				t.Errorf("live %v: left over: %q", live, got)
			}
			log := harness.ReadText(t, c.Home+"/logs/container-boot.log")
			if n := strings.Count(log, " profile=p3 "); live && n != 2*passes {
				t.Errorf("the boot log tells of %d passes over p3, want %d", n, 2*passes)
			}
		}
		c.Rescan()
		for service, n := range c.Supervisors() {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		for i := range profiles {
			c.WaitFor("a start", func() bool { return len(c.Records(fmt.Sprintf("p%d", i))) > 0 })
			if n := len(c.Records(fmt.Sprintf("p%d", i))); n != 1 {
				t.Errorf("p%d started %d times", i, n)
			}
		}
	})
}

func TestContainerRendersAtOnceIntoOneDirectoryLeaveWholeSlots(t *testing.T) {
	t.Parallel()
	c := harness.NewContainer(t, harness.OwnS6())
	const rounds = 8
	renders := 2 * runtime.NumCPU()
	c.Profile("p0", harness.Running)
	c.Profile("p1", harness.Stopped)
	makeOverrideDirs(c, renders)
	for range rounds {
		var wg sync.WaitGroup
		for i := range renders {
			wg.Go(func() {
				got := runUntilLocked(c, "render", "--profile", fmt.Sprintf("p%d", i%2),
					"--out", "/tmp/out", "--templates", fmt.Sprintf("/tmp/override%d", i))
				if got.Code != 0 || got.Stderr != "" {
					t.Errorf("render %d ended with %d:\n%s", i, got.Code, got.Stderr)
				}
			})
		}
		wg.Wait()
	}
	want := ".slotgen.lock\ngateway-p0\ngateway-p1\n"
	if got := c.MustRun("root", "ls", "-A", "/tmp/out"); got != want {
		t.Errorf("the directory holds:\n%swant:\n%s", got, want)
	}
	for _, name := range []string{"p0", "p1"} {
		mark := regexp.MustCompile(`# mark (\d+)\n`).FindStringSubmatch(harness.ReadText(t, c.Path("/tmp/out/gateway-"+name+"/run")))
		if mark == nil {
			t.Fatalf("the run script of %s is of no render", name)
		}
		c.MustRun("root", "slotgen", "render", "--profile", name, "--out", "/tmp/alone", "--templates", "/tmp/override"+mark[1])
		list := func(dir string) string {
			return c.MustRun("root", "sh", "-c", "cd "+dir+"/gateway-"+name+` && find . -printf '%y %m %U %G %s %p\n' | sort && cat run`)
		}
		if got, want := list("/tmp/out"), list("/tmp/alone"); got != want {
			t.Errorf("the slot of %s is:\n%swant:\n%s", name, got, want)
		}
	}
}
