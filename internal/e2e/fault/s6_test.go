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

// supervise has a real s6-svscan run the slots, and returns what ends it and all
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

// isUp reads what s6-supervise notes of its process.
func (f *faults) isUp(service string) bool {
	status, err := os.ReadFile(filepath.Join(f.root, "service", service, "supervise/status"))
	return err == nil && len(status) >= 32 && binary.BigEndian.Uint64(status[24:]) != 0
}

// strays lists the directories below ~/service, hidden or removed, in which a
// process still works.
func (f *faults) strays() []string {
	var strays []string
	dirs, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is none that fails
	for _, dir := range dirs {
		at, _ := os.Readlink(dir) // none where the process has ended
		below, found := strings.CutPrefix(at, filepath.Join(f.root, "service")+"/")
		if found && (below[0] == '.' || strings.HasSuffix(below, " (deleted)") || strings.HasPrefix(below, "gateway-gone")) {
			strays = append(strays, below)
		}
	}
	return strays
}

// leaveOut leaves out what s6 keeps to itself.
func (f *faults) leaveOut(path string) bool {
	return f.supervised && (strings.Contains(path, "/supervise") || strings.Contains(path, "/event") || strings.HasPrefix(path, "service/.s6-svscan"))
}
