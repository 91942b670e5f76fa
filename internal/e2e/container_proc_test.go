package e2e

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

// process is one program that runs inside a container, by its number there.
type process struct {
	pid    int
	parent int
	args   []string
	dir    string // the working directory; " (deleted)" is added where it is gone
}

// processes lists what runs inside the container.
func (c *container) processes() []process {
	c.t.Helper()
	entries, err := os.ReadDir(c.path("/proc"))
	if err != nil {
		c.t.Fatal(err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(c.path("/proc/" + e.Name() + "/cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue // it has ended, or is about to
		}
		dir, _ := os.Readlink(c.path("/proc/" + e.Name() + "/cwd"))
		all = append(all, process{pid, c.parent(pid), strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00"), dir})
	}
	return all
}

// parent returns the number of a process's parent, or 0 where the process has ended.
func (c *container) parent(pid int) int {
	stat, err := os.ReadFile(c.path(fmt.Sprintf("/proc/%d/stat", pid)))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		c.t.Fatal(err)
	}
	return parent
}

// supervisors counts the s6-supervise processes by the service they were started for. Their
// children are called the same until they become something else.
func (c *container) supervisors() map[string]int {
	c.t.Helper()
	count := map[string]int{}
	for _, p := range c.processes() {
		if filepath.Base(p.args[0]) == "s6-supervise" && p.parent == 1 {
			count[p.args[len(p.args)-1]]++
		}
	}
	return count
}

// inDeletedDirs lists the processes whose working directory was removed under them.
func (c *container) inDeletedDirs() []process {
	c.t.Helper()
	var lost []process
	for _, p := range c.processes() {
		if strings.HasSuffix(p.dir, " (deleted)") {
			lost = append(lost, p)
		}
	}
	return lost
}

// servicePID returns the number of a service's process, as s6-supervise notes it in its status
// file, or 0 where it has none or its finish script runs. It starts no program.
func (c *container) servicePID(service string) int {
	c.t.Helper()
	status, err := os.ReadFile(c.path("/run/service/" + service + "/supervise/status"))
	const finishing = 2 // among the flags in the last byte
	if err != nil || len(status) < 32 || status[len(status)-1]&finishing != 0 {
		return 0
	}
	return int(binary.BigEndian.Uint64(status[24:]))
}

// isSupervised reports whether a supervisor reads the control pipe of a service, as s6-svok does
// without starting a program.
func (c *container) isSupervised(service string) bool {
	fd, err := syscall.Open(c.path("/run/service/"+service+"/supervise/control"), syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	return err == nil && syscall.Close(fd) == nil
}

// isUp reports whether a service runs, as s6-svstat does.
func (c *container) isUp(service string) bool {
	c.t.Helper()
	return c.isSupervised(service) && c.servicePID(service) != 0
}

// rescan returns when s6-svscan has done all that it was asked for before: it has started
// a service that was published last.
func (c *container) rescan() {
	c.t.Helper()
	hidden, err := os.MkdirTemp(c.path("/run/service"), ".marker-")
	if err != nil {
		c.t.Fatal(err)
	}
	name := strings.TrimPrefix(filepath.Base(hidden), ".")
	err = errors.Join(
		os.WriteFile(hidden+"/run", []byte("#!/bin/sh\nexec sleep 100000\n"), 0o755),
		os.Rename(hidden, c.path("/run/service/"+name)),
	)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mustRun("root", "s6-svscanctl", "-a", "/run/service")
	c.waitUp(name)
}

// hidden lists what is left of slots under names that s6-svscan passes over.
func (c *container) hidden() []string {
	c.t.Helper()
	entries, err := os.ReadDir(c.path("/run/service"))
	if err != nil {
		c.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".gateway-") {
			names = append(names, e.Name())
		}
	}
	return names
}

func (c *container) hasSlot(service string) bool {
	_, err := os.Lstat(c.path("/run/service/" + service))
	return err == nil
}
