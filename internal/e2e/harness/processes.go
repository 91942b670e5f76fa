package harness

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Process is one process of a container. Its PID is the one inside the container.
type Process struct {
	Pid    int
	parent int
	Args   []string
	dir    string // the working directory; the kernel adds " (deleted)" when it was removed
}

// Processes lists the processes of the container.
func (c *Container) Processes() []Process {
	c.T.Helper()
	entries, err := os.ReadDir(c.Path("/proc"))
	if err != nil {
		c.T.Fatal(err)
	}
	var all []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(c.Path("/proc/" + e.Name() + "/cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue // the process has ended or is ending
		}
		dir, _ := os.Readlink(c.Path("/proc/" + e.Name() + "/cwd"))
		all = append(all, Process{pid, c.parent(pid), strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00"), dir})
	}
	return all
}

// parent returns the PID of a process's parent, or 0 when the process has ended.
func (c *Container) parent(pid int) int {
	stat, err := os.ReadFile(c.Path(fmt.Sprintf("/proc/%d/stat", pid)))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold any character.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		c.T.Fatal(err)
	}
	return parent
}

// Supervisors counts the s6-supervise processes of each service. It skips their forked children,
// which keep the name s6-supervise until they execute another program.
func (c *Container) Supervisors() map[string]int {
	c.T.Helper()
	count := map[string]int{}
	for _, p := range c.Processes() {
		if filepath.Base(p.Args[0]) == "s6-supervise" && p.parent == 1 {
			count[p.Args[len(p.Args)-1]]++
		}
	}
	return count
}

// InDeletedDirs lists the processes whose working directory was removed.
func (c *Container) InDeletedDirs() []Process {
	c.T.Helper()
	var lost []Process
	for _, p := range c.Processes() {
		if strings.HasSuffix(p.dir, " (deleted)") {
			lost = append(lost, p)
		}
	}
	return lost
}

// ServicePID returns the PID of a service's process from the status file of s6-supervise. It
// returns 0 when the service has no process or its finish script runs. It starts no program.
func (c *Container) ServicePID(service string) int {
	c.T.Helper()
	status, err := os.ReadFile(c.Path("/run/service/" + service + "/supervise/status"))
	const finishing = 2 // one of the flags in the last byte
	if err != nil || len(status) < 32 || status[len(status)-1]&finishing != 0 {
		return 0
	}
	return int(binary.BigEndian.Uint64(status[24:]))
}

// IsSupervised reports whether a supervisor reads the control pipe of a service. It does as
// s6-svok does, but starts no program.
func (c *Container) IsSupervised(service string) bool {
	fd, err := syscall.Open(c.Path("/run/service/"+service+"/supervise/control"), syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	return err == nil && syscall.Close(fd) == nil
}

// IsUp reports whether a service runs, as s6-svstat would.
func (c *Container) IsUp(service string) bool {
	c.T.Helper()
	return c.IsSupervised(service) && c.ServicePID(service) != 0
}

// Rescan makes s6-svscan rescan and returns when it has handled all earlier requests. It
// publishes a new service and waits until s6-svscan has started that.
func (c *Container) Rescan() {
	c.T.Helper()
	hidden, err := os.MkdirTemp(c.Path("/run/service"), ".marker-")
	if err != nil {
		c.T.Fatal(err)
	}
	name := strings.TrimPrefix(filepath.Base(hidden), ".")
	err = errors.Join(
		os.WriteFile(hidden+"/run", []byte("#!/bin/sh\nexec sleep 100000\n"), 0o755),
		os.Rename(hidden, c.Path("/run/service/"+name)),
	)
	if err != nil {
		c.T.Fatal(err)
	}
	c.MustRun("root", "s6-svscanctl", "-a", "/run/service")
	c.WaitUp(name)
}

// Hidden lists the slots and leftovers whose names s6-svscan ignores.
func (c *Container) Hidden() []string {
	c.T.Helper()
	entries, err := os.ReadDir(c.Path("/run/service"))
	if err != nil {
		c.T.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".gateway-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// HasSlot reports whether a service directory exists in /run/service.
func (c *Container) HasSlot(service string) bool {
	_, err := os.Lstat(c.Path("/run/service/" + service))
	return err == nil
}
