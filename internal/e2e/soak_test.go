package e2e

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

// soakVar is the number of passes of the soak test; a few of them, over fewer profiles,
// are enough for every day.
const soakVar = "SLOTGEN_SOAK_PASSES"

func soakSize(t *testing.T) (passes, profiles int) {
	t.Helper()
	text := os.Getenv(soakVar)
	if text == "" {
		return 10, 20
	}
	passes, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", soakVar, err)
	}
	return passes, 50
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
		s.restart("-t", "gateway-"+name, func(pid int) bool { return s.isWriting(pid, name) })
	case 3:
		if s.pids["gateway-"+name+"/log"] == 0 {
			return
		}
		s.restart("-h", "gateway-"+name+"/log", s.isLogging)
	}
}

// restart asks for a restart, and waits for the service to come up as another process.
// A process that has just been forked loses a signal: it has to be ready.
func (s *soak) restart(how, service string, ready func(pid int) bool) {
	s.t.Helper()
	before := s.pids[service]
	s.waitFor(service+" to take signals", func() bool { return ready(before) })
	s.mustRun("root", "s6-svc", how, "/run/service/"+service)
	s.waitFor("the restart of "+service, func() bool {
		s.pids[service] = s.servicePID(service)
		return s.pids[service] != 0 && s.pids[service] != before
	})
}

// isWriting reports whether a process has written a line to a profile's log.
func (s *soak) isWriting(pid int, profile string) bool {
	s.t.Helper()
	return slices.ContainsFunc(s.logLines(profile), func(line string) bool {
		return strings.HasPrefix(line, fmt.Sprintf("%d line ", pid))
	})
}

// isLogging reports whether a process is s6-log, and blocks or catches HUP.
func (s *soak) isLogging(pid int) bool {
	s.t.Helper()
	status, err := os.ReadFile(s.path(fmt.Sprintf("/proc/%d/status", pid)))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	const hup = 1 // in the last digit of a mask
	return fields["Name"] == "s6-log" && slices.ContainsFunc([]string{fields["SigBlk"], fields["SigCgt"]}, func(mask string) bool {
		digit, err := strconv.ParseUint(mask[len(mask)-1:], 16, 8)
		return err == nil && digit&hup != 0
	})
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

// Services write numbered lines while templates change, profiles come and
// go and services are restarted by hand: no pass restarts, doubles or orphans a
// service, and no line is lost or written twice.
func TestContainerSoak(t *testing.T) {
	for _, release := range s6Releases(t)[:2] {
		t.Run(release.name, func(t *testing.T) {
			if release.missing != "" {
				t.Skip(release.missing)
			}
			soakRelease(t, release)
		})
	}
}

func soakRelease(t *testing.T, release s6Release) {
	passes, profiles := soakSize(t)
	s := &soak{container: newContainer(t, release), rand: rand.New(rand.NewPCG(1, uint64(passes))), pids: map[string]int{}}
	s.installLines(100 * time.Millisecond)
	for i := range profiles {
		s.names = append(s.names, s.name(i))
		s.profile(s.name(i), running)
	}
	s.boot()
	s.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
	s.check(0)
	descriptors := s.scannerDescriptors()
	for pass := 0; pass < passes; pass += 2 {
		// The first pass of two meets changes under its hands.
		disturbed := s.spawn("root", "slotgen", "reconcile", "--rescan", "--prune")
		for range 1 + s.rand.IntN(4) {
			time.Sleep(time.Duration(s.rand.IntN(20)) * time.Millisecond) // the pass gets further
			s.change()
		}
		if got := disturbed.wait(); got.code != 0 {
			t.Fatalf("pass %d ended with %d:\n%s", pass, got.code, got.stderr)
		}
		s.mustRun("root", "slotgen", "reconcile", "--rescan", "--prune", "--wait", "10m")
		s.check(pass + 1)
	}
	// As many slots as before.
	s.waitFor(fmt.Sprintf("s6-svscan to have %d descriptors", descriptors), func() bool { return s.scannerDescriptors() <= descriptors })
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
