package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// soakVar is the number of passes of the soak test; a few of them are enough for
// every day.
const soakVar = "SLOTGEN_SOAK_PASSES"

func soakPasses(t *testing.T) int {
	t.Helper()
	text := os.Getenv(soakVar)
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", soakVar, err)
	}
	return n
}

// soak is a container whose profiles, templates and services change while passes
// are made over it.
type soak struct {
	*container
	rand  *rand.Rand
	mark  int
	names []string
	pids  map[string]int // of each service that nobody asked to restart since
	asked int
}

func (s *soak) name(i int) string { return fmt.Sprintf("p%02d", i) }

// change makes one change of the operator's or of the volume's user.
func (s *soak) change() {
	i := s.rand.IntN(len(s.names))
	name := s.names[i]
	switch s.rand.IntN(4) {
	case 0:
		s.mark++
		s.override("env/MARK.tmpl", fmt.Sprintln(s.mark))
		s.override("profiles/"+name+"/timeout-finish.tmpl", fmt.Sprintln(1000+s.mark))
	case 1: // another profile in its place
		s.forget(name)
		s.names[i] = "q" + strconv.Itoa(s.mark) + "-" + strconv.Itoa(s.asked) + "-" + strconv.Itoa(i)
		s.profile(s.names[i], running)
		s.asked++
	case 2:
		if s.pids["gateway-"+name] == 0 {
			return
		}
		s.restart("-t", "gateway-"+name)
	case 3:
		if s.pids["gateway-"+name+"/log"] == 0 {
			return
		}
		s.restart("-h", "gateway-"+name+"/log")
	}
}

// restart asks for a restart and waits for the service to come up as another
// process. It asks again where nothing happens: a process that has just been forked
// loses a signal that comes before it becomes the run script.
func (s *soak) restart(how, service string) {
	s.t.Helper()
	before := s.pids[service]
	asked := time.Time{}
	s.waitFor("the restart of "+service, func() bool {
		now := s.servicePID(service)
		if now == before && time.Since(asked) > 4*time.Second {
			s.mustRun("root", "s6-svc", how, "/run/service/"+service)
			asked = time.Now()
		}
		return now != 0 && now != before
	})
	s.pids[service] = s.servicePID(service)
}

// check holds that no service is another process than it was, that each has one
// supervisor, and that nothing is left over.
func (s *soak) check(pass int) {
	s.t.Helper()
	current := map[string]bool{}
	for _, name := range s.names {
		for _, service := range []string{"gateway-" + name, "gateway-" + name + "/log"} {
			current[service] = true
			s.waitFor(service+" to run", func() bool { return s.servicePID(service) != 0 })
			pid := s.servicePID(service)
			if was := s.pids[service]; was != 0 && was != pid {
				s.t.Fatalf("pass %d: %s was process %d and is %d, though nobody asked", pass, service, was, pid)
			}
			s.pids[service] = pid
		}
	}
	for service, n := range s.supervisors() {
		base := strings.TrimSuffix(service, "/log")
		if n != 1 || !current[service] && base != "gateway-default" {
			s.t.Fatalf("pass %d: %s has %d supervisors", pass, service, n)
		}
	}
	if got := s.hidden(); len(got) > 0 {
		s.t.Fatalf("pass %d: left over: %q", pass, got)
	}
}

func (s *soak) scannerDescriptors() int {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.init.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(entries)
}

// Fifty services write numbered lines while templates change, profiles come and
// go and services are restarted by hand: no pass restarts, doubles or orphans a
// service, and no line is lost or written twice.
func TestContainerSoak(t *testing.T) {
	for _, release := range s6Releases(t)[:2] {
		t.Run(release.name, func(t *testing.T) {
			if release.missing != "" {
				t.Skip(release.missing)
			}
			soakRelease(t, release, soakPasses(t))
		})
	}
}

func soakRelease(t *testing.T, release s6Release, passes int) {
	s := &soak{container: newContainer(t, release), rand: rand.New(rand.NewPCG(1, uint64(passes))), pids: map[string]int{}}
	s.installLines(100 * time.Millisecond)
	for i := range 50 {
		s.names = append(s.names, s.name(i))
		s.profile(s.name(i), running)
	}
	s.boot()
	s.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "20s")
	s.check(0)
	descriptors := s.scannerDescriptors()
	for pass := 0; pass < passes; pass += 2 {
		// The first pass of two meets changes under its hands.
		disturbed := s.spawn("root", "slotgen", "reconcile", "--rescan", "--prune")
		for range 1 + s.rand.IntN(4) {
			time.Sleep(time.Duration(s.rand.IntN(20)) * time.Millisecond)
			s.change()
		}
		if got := disturbed.wait(); got.code != 0 {
			t.Fatalf("pass %d ended with %d:\n%s", pass, got.code, got.stderr)
		}
		s.mustRun("root", "slotgen", "reconcile", "--rescan", "--prune", "--wait", "20s")
		s.check(pass + 1)
	}
	// As many slots as before.
	if now := s.scannerDescriptors(); now > descriptors {
		t.Errorf("s6-svscan has %d descriptors, had %d", now, descriptors)
	}
	s.end(passes)
}

// end stops all and reads the logs, also of the profiles that are gone.
func (s *soak) end(passes int) {
	s.t.Helper()
	for _, name := range s.names {
		s.mustRun("root", "s6-svc", "-d", "/run/service/gateway-"+name)
	}
	logs, err := os.ReadDir(filepath.Join(s.home, "logs/gateways"))
	if err != nil {
		s.t.Fatal(err)
	}
	starts, lines := 0, 0
	for _, log := range logs {
		name := log.Name()
		if name == "default" {
			continue
		}
		if slices.Contains(s.names, name) {
			s.waitFor(name+" to have ended", func() bool { return s.servicePID("gateway-"+name) == 0 })
		}
		var w written
		s.waitFor("the last line of "+name, func() bool {
			w = checkWritten(s.t, name, s.logLines(name))
			return len(w.unended) == 0
		})
		starts, lines = starts+w.starts, lines+w.lines
	}
	s.t.Logf("%d passes, %d profiles, %d starts, %d lines, none lost", passes, len(logs)-1, starts, lines)
}
