package e2e

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// overrideDirs makes override directories that each mark every run script with
// their number.
func (c *container) overrideDirs(count int) {
	c.t.Helper()
	text := c.mustRun("root", "slotgen", "templates", "show", "--file", "run")
	for i := range count {
		dir := c.path(fmt.Sprintf("/tmp/override%d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			c.t.Fatal(err)
		}
		marked := strings.Replace(text, "set -e\n", fmt.Sprintf("set -e\n# mark %d\n", i), 1)
		if err := os.WriteFile(dir+"/run.tmpl", []byte(marked), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

// untilLocked runs slotgen until it gets the lock: where many run at once on a slow machine, one
// may wait longer for it than slotgen does.
func (c *container) untilLocked(argv ...string) (got execResult) {
	c.t.Helper()
	c.waitFor("the lock", func() bool {
		got = c.run("root", append([]string{"slotgen"}, argv...)...)
		return got.code != exitUsage || !strings.Contains(got.stderr, ": still held after ")
	})
	return got
}

func TestContainerManyPassesAtOnceLeaveOneState(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		const profiles = 8
		passes := 4 * runtime.NumCPU()
		for i := range profiles {
			c.profile(fmt.Sprintf("p%d", i), running)
		}
		c.overrideDirs(passes)
		for _, live := range []bool{false, true} {
			if live {
				c.boot()
				c.waitUp("gateway-p0", "gateway-p7")
			}
			var wg sync.WaitGroup
			for i := range passes {
				wg.Go(func() {
					got := c.untilLocked("reconcile", "--rescan", "--templates", fmt.Sprintf("/tmp/override%d", i))
					if got.code != 0 {
						t.Errorf("pass %d ended with %d:\n%s", i, got.code, got.stderr)
					}
				})
			}
			wg.Wait()
			mark := regexp.MustCompile(`# mark \d+\n`)
			first := mark.FindString(readText(t, c.path("/run/service/gateway-default/run")))
			for i := range profiles {
				run := readText(t, c.path(fmt.Sprintf("/run/service/gateway-p%d/run", i)))
				if first == "" || mark.FindString(run) != first {
					t.Errorf("live %v: p%d is of another pass than default: %q, %q", live, i, mark.FindString(run), first)
				}
			}
			if got := c.hidden(); len(got) > 0 {
				t.Errorf("live %v: left over: %q", live, got)
			}
			log := readText(t, c.home+"/logs/container-boot.log")
			if n := strings.Count(log, " profile=p3 "); live && n != 2*passes {
				t.Errorf("the boot log tells of %d passes over p3, want %d", n, 2*passes)
			}
		}
		c.rescan()
		for service, n := range c.supervisors() {
			if n != 1 {
				t.Errorf("%s has %d supervisors", service, n)
			}
		}
		for i := range profiles {
			c.waitFor("a start", func() bool { return len(c.records(fmt.Sprintf("p%d", i))) > 0 })
			if n := len(c.records(fmt.Sprintf("p%d", i))); n != 1 {
				t.Errorf("p%d started %d times", i, n)
			}
		}
	})
}

func TestContainerRendersAtOnceIntoOneDirectoryLeaveWholeSlots(t *testing.T) {
	t.Parallel()
	c := newContainer(t, ownS6())
	const rounds = 8
	renders := 2 * runtime.NumCPU()
	c.profile("p0", running)
	c.profile("p1", stopped)
	c.overrideDirs(renders)
	for range rounds {
		var wg sync.WaitGroup
		for i := range renders {
			wg.Go(func() {
				got := c.untilLocked("render", "--profile", fmt.Sprintf("p%d", i%2),
					"--out", "/tmp/out", "--templates", fmt.Sprintf("/tmp/override%d", i))
				if got.code != 0 || got.stderr != "" {
					t.Errorf("render %d ended with %d:\n%s", i, got.code, got.stderr)
				}
			})
		}
		wg.Wait()
	}
	want := ".slotgen.lock\ngateway-p0\ngateway-p1\n"
	if got := c.mustRun("root", "ls", "-A", "/tmp/out"); got != want {
		t.Errorf("the directory holds:\n%swant:\n%s", got, want)
	}
	for _, name := range []string{"p0", "p1"} {
		mark := regexp.MustCompile(`# mark (\d+)\n`).FindStringSubmatch(readText(t, c.path("/tmp/out/gateway-"+name+"/run")))
		if mark == nil {
			t.Fatalf("the run script of %s is of no render", name)
		}
		c.mustRun("root", "slotgen", "render", "--profile", name, "--out", "/tmp/alone", "--templates", "/tmp/override"+mark[1])
		list := func(dir string) string {
			return c.mustRun("root", "sh", "-c", "cd "+dir+"/gateway-"+name+` && find . -printf '%y %m %U %G %s %p\n' | sort && cat run`)
		}
		if got, want := list("/tmp/out"), list("/tmp/alone"); got != want {
			t.Errorf("the slot of %s is:\n%swant:\n%s", name, got, want)
		}
	}
}
