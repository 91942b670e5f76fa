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

// Process is one program that runs inside a container, by its number there.
type Process struct {
	Pid    int
	parent int
	Args   []string
	dir    string // the working directory; " (deleted)" is added where it is gone
}

// Processes lists what runs inside the container.
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
			continue // it has ended, or is about to
		}
		dir, _ := os.Readlink(c.Path("/proc/" + e.Name() + "/cwd"))
		all = append(all, Process{pid, c.parent(pid), strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00"), dir})
	}
	return all
}

// parent returns the number of a process's parent, or 0 where the process has ended.
func (c *Container) parent(pid int) int {
	stat, err := os.ReadFile(c.Path(fmt.Sprintf("/proc/%d/stat", pid)))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		c.T.Fatal(err)
	}
	return parent
}

// Supervisors counts the s6-supervise processes by the service they were started for. Their
// children are called the same until they become something else.
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

// InDeletedDirs lists the processes whose working directory was removed under them.
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

// ServicePID returns the number of a service's process, as s6-supervise notes it in its status
// file, or 0 where it has none or its finish script runs. It starts no program.
func (c *Container) ServicePID(service string) int {
	c.T.Helper()
	status, err := os.ReadFile(c.Path("/run/service/" + service + "/supervise/status"))
	const finishing = 2 // among the flags in the last byte
	if err != nil || len(status) < 32 || status[len(status)-1]&finishing != 0 {
		return 0
	}
	return int(binary.BigEndian.Uint64(status[24:]))
}

// IsSupervised reports whether a supervisor reads the control pipe of a service, as s6-svok does
// without starting a program.
func (c *Container) IsSupervised(service string) bool {
	fd, err := syscall.Open(c.Path("/run/service/"+service+"/supervise/control"), syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	return err == nil && syscall.Close(fd) == nil
}

// IsUp reports whether a service runs, as s6-svstat does.
func (c *Container) IsUp(service string) bool {
	c.T.Helper()
	return c.IsSupervised(service) && c.ServicePID(service) != 0
}

// Rescan returns when s6-svscan has done all that it was asked for before: it has started
// a service that was published last.
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

// Hidden lists what is left of slots under names that s6-svscan passes over.
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

func (c *Container) HasSlot(service string) bool {
	_, err := os.Lstat(c.Path("/run/service/" + service))
	return err == nil
}
