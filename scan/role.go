package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// maxCmdline is the longest part of a command line that is read, in bytes. The kernel's own
// limit for one argument is 128 KiB.
const maxCmdline = 256 << 10

// wrapper is the end of the argument that the image puts before the user's words.
const wrapper = "main-wrapper.sh"

// Role is the command of the container: its words after the image's own wrappers.
type Role []string

// ReadRole finds the container's command line below proc: in the process with the lowest
// number that has an argument ending in main-wrapper.sh. It skips processes that neither root
// nor slotgen's own user started, since anybody may choose such an argument. When it finds
// none the role is empty. An error says that some of proc could not be read.
func ReadRole(proc string) (Role, error) {
	fd, err := unix.Open(proc, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", proc, err)
	}
	defer unix.Close(fd)
	pids, err := processes(fd)
	if err != nil {
		err = fmt.Errorf("reading %q: %w", proc, err)
	}
	for _, pid := range pids {
		args, found, cerr := afterWrapper(fd, pid)
		if found {
			return args, nil
		}
		if err == nil && cerr != nil {
			err = fmt.Errorf("reading %q: %w", fmt.Sprintf("%s/%d/cmdline", proc, pid), cerr)
		}
	}
	return nil, err
}

// NoGateways returns the first word of a container that needs no gateways, or "".
func (r Role) NoGateways() string {
	if len(r) > 0 && slices.Contains([]string{"dashboard", "serve", "gui", "desktop"}, r[0]) {
		return r[0]
	}
	return ""
}

// NoSuperviseVar is the variable that keeps slotgen from migrating a container that runs
// `gateway run`.
const NoSuperviseVar = "HERMES_GATEWAY_NO_SUPERVISE"

// Legacy reports whether the container runs the gateway as its command, as images without s6
// did: "gateway run" without --no-supervise. NoSupervise is the value of
// HERMES_GATEWAY_NO_SUPERVISE.
func (r Role) Legacy(noSupervise string) bool {
	switch strings.ToLower(noSupervise) {
	case "1", "true", "yes":
		return false
	}
	return len(r) >= 2 && r[0] == "gateway" && r[1] == "run" && !slices.Contains(r, "--no-supervise")
}

// processes lists the process numbers in the open directory proc.
func processes(proc int) ([]int, error) {
	names, err := fdio.Names(proc)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, err
}

// afterWrapper returns the words of a process after the wrapper, and whether it has one. A
// process that has ended has none.
func afterWrapper(proc, pid int) (args []string, found bool, err error) {
	// All files below one descriptor belong to one process. Its number may be given to another
	// process at any time.
	fd, err := fdio.Open(proc, strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, false, unlessEnded(err)
	}
	defer unix.Close(fd)
	cmdline, err := readProcess(fd, "cmdline")
	if err != nil {
		return nil, false, unlessEnded(err)
	}
	if args, found = behindWrapper(parseCmdline(cmdline)); !found {
		return nil, false, nil
	}
	status, err := readProcess(fd, "status")
	if err != nil || !isTrusted(status) {
		return nil, false, unlessEnded(err)
	}
	return args, true, nil
}

func unlessEnded(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// readProcess returns the content of a file in the open directory of a process.
func readProcess(process int, name string) ([]byte, error) {
	fd, err := fdio.Open(process, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text, err := fdio.Read(fd, nil, maxCmdline)
	if errors.Is(err, fdio.ErrTooLarge) || errors.Is(err, fdio.ErrNotRegular) {
		err = nil // the rest, or anything that is no file, does not count
	}
	return text, err
}

// isTrusted reports whether the status of a process says that root or slotgen's own user
// started it. The owner of its files does not show that: they are root's for a process that
// nobody may trace, and for a set-uid program, whose caller chose its arguments.
func isTrusted(status []byte) bool {
	_, ids, _ := bytes.Cut(status, []byte("\nUid:\t"))
	uid, _, found := bytes.Cut(ids, []byte("\t")) // the real one
	return found && (string(uid) == "0" || string(uid) == strconv.Itoa(os.Geteuid()))
}

func parseCmdline(data []byte) []string {
	var args []string
	for word := range bytes.SplitSeq(data, []byte{0}) {
		if len(word) > 0 {
			args = append(args, string(word))
		}
	}
	return args
}

// behindWrapper removes the words that the image puts before the words of the user.
func behindWrapper(args []string) ([]string, bool) {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasSuffix(a, wrapper) })
	if i < 0 {
		return nil, false
	}
	args = args[i+1:]
	for _, word := range []string{"entrypoint-dispatch.sh", "hermes"} {
		if len(args) > 0 && path.Base(args[0]) == word {
			args = args[1:]
		}
	}
	return args, true
}
