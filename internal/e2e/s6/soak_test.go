package s6

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

	"slotgen/internal/e2e/harness"
)

// soakVar names the variable with the number of passes of the soak test. Without it, the test
// makes a few passes over fewer profiles.
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

// soak is a container in which profiles, templates and services change during passes.
type soak struct {
	*harness.Container
	rand  *rand.Rand
	mark  int
	names []string
	pids  map[string]int // the PID of each service since its last requested restart
	asked int
}

func (s *soak) name(i int) string { return fmt.Sprintf("p%02d", i) }

// change makes one change, as the operator or the volume's user might.
func (s *soak) change() {
	i := s.rand.IntN(len(s.names))
	name := s.names[i]
	switch s.rand.IntN(4) {
	case 0:
		s.mark++
		s.Override("env/MARK.tmpl", fmt.Sprintln(s.mark))
		s.Override("profiles/"+name+"/timeout-finish.tmpl", fmt.Sprintln(1000+s.mark))
	case 1: // replaces the profile with another one
		s.Forget(name)
		s.names[i] = "q" + strconv.Itoa(s.mark) + "-" + strconv.Itoa(s.asked) + "-" + strconv.Itoa(i)
		s.Profile(s.names[i], harness.Running)
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

// restart restarts a service and waits until it runs as another process. The old process must be
// ready first: a process that was just forked loses a signal.
func (s *soak) restart(how, service string, ready func(pid int) bool) {
	s.T.Helper()
	before := s.pids[service]
	s.WaitFor(service+" to take signals", func() bool { return ready(before) })
	s.MustRun("root", "s6-svc", how, "/run/service/"+service)
	s.WaitFor("the restart of "+service, func() bool {
		s.pids[service] = s.ServicePID(service)
		return s.pids[service] != 0 && s.pids[service] != before
	})
}

// isWriting reports whether a process has written a line to a profile's log.
func (s *soak) isWriting(pid int, profile string) bool {
	s.T.Helper()
	return slices.ContainsFunc(s.LogLines(profile), func(line string) bool {
		return strings.HasPrefix(line, fmt.Sprintf("%d line ", pid))
	})
}

// isLogging reports whether a process is s6-log and blocks or catches HUP.
func (s *soak) isLogging(pid int) bool {
	s.T.Helper()
	status, err := os.ReadFile(s.Path(fmt.Sprintf("/proc/%d/status", pid)))
	if err != nil {
		s.T.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	const hup = 1 // the bit of HUP in the last digit of a mask
	return fields["Name"] == "s6-log" && slices.ContainsFunc([]string{fields["SigBlk"], fields["SigCgt"]}, func(mask string) bool {
		digit, err := strconv.ParseUint(mask[len(mask)-1:], 16, 8)
		return err == nil && digit&hup != 0
	})
}

// check checks that each service is still the same process and has one supervisor, and that
// no hidden slot is left.
func (s *soak) check(pass int) {
	s.T.Helper()
	current := map[string]bool{}
	for _, name := range s.names {
		for _, service := range []string{"gateway-" + name, "gateway-" + name + "/log"} {
			current[service] = true
			s.WaitFor(service+" to run", func() bool { return s.ServicePID(service) != 0 })
			pid := s.ServicePID(service)
			if was := s.pids[service]; was != 0 && was != pid {
				s.T.Fatalf("pass %d: %s was process %d and is %d, though nobody asked", pass, service, was, pid)
			}
			s.pids[service] = pid
		}
	}
	for service, n := range s.Supervisors() {
		base := strings.TrimSuffix(service, "/log")
		if n != 1 || !current[service] && base != "gateway-default" {
			s.T.Fatalf("pass %d: %s has %d supervisors", pass, service, n)
		}
	}
	if got := s.Hidden(); len(got) > 0 {
		s.T.Fatalf("pass %d: left over: %q", pass, got)
	}
}

func (s *soak) scannerDescriptors() int {
	s.T.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Init.Process.Pid))
	if err != nil {
		s.T.Fatal(err)
	}
	return len(entries)
}

// Services write numbered lines while templates change, profiles come and go, and an operator
// restarts services. No pass restarts, doubles or orphans a service. No line is lost or written
// twice.
func TestContainerSoak(t *testing.T) {
	for _, release := range harness.S6Releases(t)[:2] {
		t.Run(release.Name, func(t *testing.T) {
			if release.Missing != "" {
				t.Skip(release.Missing)
			}
			soakRelease(t, release)
		})
	}
}

func soakRelease(t *testing.T, release harness.S6Release) {
	passes, profiles := soakSize(t)
	s := &soak{Container: harness.NewContainer(t, release), rand: rand.New(rand.NewPCG(1, uint64(passes))), pids: map[string]int{}}
	s.InstallLines(100 * time.Millisecond)
	for i := range profiles {
		s.names = append(s.names, s.name(i))
		s.Profile(s.name(i), harness.Running)
	}
	s.Boot()
	s.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
	s.check(0)
	descriptors := s.scannerDescriptors()
	for pass := 0; pass < passes; pass += 2 {
		// The first of each two passes runs while the test makes changes.
		disturbed := s.Spawn("root", "slotgen", "reconcile", "--rescan", "--prune")
		for range 1 + s.rand.IntN(4) {
			time.Sleep(time.Duration(s.rand.IntN(20)) * time.Millisecond) // lets the pass get further
			s.change()
		}
		if got := disturbed.Wait(); got.Code != 0 {
			t.Fatalf("pass %d ended with %d:\n%s", pass, got.Code, got.Stderr)
		}
		s.MustRun("root", "slotgen", "reconcile", "--rescan", "--prune", "--wait", "10m")
		s.check(pass + 1)
	}
	// There are as many slots as before, so s6-svscan needs no more descriptors.
	s.WaitFor(fmt.Sprintf("s6-svscan to have %d descriptors", descriptors), func() bool { return s.scannerDescriptors() <= descriptors })
	s.end(passes)
}

// end stops all services and checks all logs, also those of removed profiles.
func (s *soak) end(passes int) {
	s.T.Helper()
	for _, name := range s.names {
		s.MustRun("root", "s6-svc", "-d", "/run/service/gateway-"+name)
	}
	logs, err := os.ReadDir(filepath.Join(s.Home, "logs/gateways"))
	if err != nil {
		s.T.Fatal(err)
	}
	starts, lines := 0, 0
	for _, log := range logs {
		name := log.Name()
		if name == "default" {
			continue
		}
		if slices.Contains(s.names, name) {
			s.WaitFor(name+" to have ended", func() bool { return s.ServicePID("gateway-"+name) == 0 })
		}
		var w harness.Written
		s.WaitFor("the last line of "+name, func() bool {
			w = harness.CheckWritten(s.T, name, s.LogLines(name))
			return len(w.Unended) == 0
		})
		starts, lines = starts+w.Starts, lines+w.Lines
	}
	s.T.Logf("%d passes, %d profiles, %d starts, %d lines, none lost", passes, len(logs)-1, starts, lines)
}
