package fault

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// supervise starts a real s6-svscan on the slots. The returned function ends it and all processes
// that it started.
func (f *faults) supervise() func() {
	f.t.Helper()
	testenv.NeedRoot(f.t, "makes a PID namespace")
	release := harness.OwnS6()
	testenv.Need(f.t, release.Missing == "", release.Missing)
	service := filepath.Join(f.root, "service")
	cmd := exec.Command("s6-svscan", service)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	end := func() { _, _ = cmd.Process.Kill(), cmd.Wait() }
	if !testenv.Holds(func() bool {
		return f.isUp("gateway-gone") && f.isUp("gateway-gone/log") && f.isUp("gateway-default/log")
	}) {
		end()
		f.t.Fatal("the services do not come up")
	}
	return end
}

// isUp reports whether s6-supervise has recorded the PID of a service's process.
func (f *faults) isUp(service string) bool {
	status, err := os.ReadFile(filepath.Join(f.root, "service", service, "supervise/status"))
	return err == nil && len(status) >= 32 && binary.BigEndian.Uint64(status[24:]) != 0
}

// strays lists the directories of processes that still work in a hidden or removed slot, or in
// the slot of the profile gone.
func (f *faults) strays() []string {
	var strays []string
	dirs, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is valid
	for _, dir := range dirs {
		at, _ := os.Readlink(dir) // "" when the process has ended
		below, found := strings.CutPrefix(at, filepath.Join(f.root, "service")+"/")
		if found && (below[0] == '.' || strings.HasSuffix(below, " (deleted)") || strings.HasPrefix(below, "gateway-gone")) {
			strays = append(strays, below)
		}
	}
	return strays
}

// leaveOut reports whether a path is a file that s6 keeps for itself.
func (f *faults) leaveOut(path string) bool {
	return f.supervised && (strings.Contains(path, "/supervise") || strings.Contains(path, "/event") || strings.HasPrefix(path, "service/.s6-svscan"))
}
