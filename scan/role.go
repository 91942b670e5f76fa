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
)

// maxCmdline bounds what is read of a command line; the kernel's own limit on
// one argument is 128 KiB.
const maxCmdline = 256 << 10

// wrapper ends the argument that the image puts before the user's words.
const wrapper = "main-wrapper.sh"

// Role is what the container was started to do: the words of its command after
// the image's own wrappers.
type Role struct{ Args []string }

// ReadRole looks for the container's command line below proc: in process 1,
// else in the lowest process that has an argument ending in main-wrapper.sh.
// Processes of other users than root and our own are passed over, since anybody
// may choose such an argument. Without a find the role is empty, and an error
// says that not all of proc could be read.
func ReadRole(proc string) (Role, error) {
	fd, err := unix.Open(proc, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Role{}, fmt.Errorf("reading %q: %w", proc, err)
	}
	defer unix.Close(fd)
	r := cmdlines{proc: fd, buf: make([]byte, 1<<10)}
	if args, found, _ := r.afterWrapper(1); found {
		return Role{Args: args}, nil
	}
	pids, err := processes(fd)
	if err != nil {
		err = fmt.Errorf("reading %q: %w", proc, err)
	}
	for _, pid := range pids {
		args, found, cerr := r.afterWrapper(pid)
		if found {
			return Role{Args: args}, nil
		}
		if err == nil && cerr != nil {
			err = fmt.Errorf("reading %q: %w", fmt.Sprintf("%s/%d/cmdline", proc, pid), cerr)
		}
	}
	return Role{}, err
}

// NoGateways returns the word that makes this a container without gateways of
// its own, or "".
func (r Role) NoGateways() string {
	if len(r.Args) > 0 && slices.Contains([]string{"dashboard", "serve", "gui", "desktop"}, r.Args[0]) {
		return r.Args[0]
	}
	return ""
}

// NoSuperviseVar keeps `gateway run` from being taken for a supervised gateway.
const NoSuperviseVar = "HERMES_GATEWAY_NO_SUPERVISE"

// Legacy tells whether the container runs the gateway as its command, as images
// without s6 did: "gateway run" without --no-supervise. NoSupervise is the
// value of HERMES_GATEWAY_NO_SUPERVISE.
func (r Role) Legacy(noSupervise string) bool {
	switch strings.ToLower(noSupervise) {
	case "1", "true", "yes":
		return false
	}
	return len(r.Args) >= 2 && r.Args[0] == "gateway" && r.Args[1] == "run" &&
		!slices.Contains(r.Args, "--no-supervise")
}

// processes lists the process numbers in the open directory proc.
func processes(proc int) ([]int, error) {
	names, err := listNames(proc)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, err
}

// cmdlines reads one command line after the other.
type cmdlines struct {
	proc int
	buf  []byte
}

// afterWrapper returns the words of a process behind the wrapper, if it has one. A
// process that has ended has none.
func (c *cmdlines) afterWrapper(pid int) (args []string, found bool, err error) {
	fd, err := openat(c.proc, strconv.Itoa(pid)+"/cmdline", unix.O_RDONLY)
	if err != nil {
		return nil, false, unlessEnded(err)
	}
	defer unix.Close(fd)
	data, err := c.read(fd)
	if err != nil || !bytes.Contains(data, []byte(wrapper)) || !isTrusted(fd) {
		return nil, false, unlessEnded(err)
	}
	args, found = afterWrapper(parseCmdline(data))
	return args, found, nil
}

func unlessEnded(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// read returns a command line, which stands until the next read.
func (c *cmdlines) read(fd int) ([]byte, error) {
	for have := 0; ; {
		n, err := readFd(fd, c.buf[have:])
		if have += n; err != nil || have < len(c.buf) || have >= maxCmdline {
			return c.buf[:have], err
		}
		c.buf = append(c.buf, c.buf...)
	}
}

// isTrusted tells whether an open file is one of root's or our own: the user may
// give its processes any arguments.
func isTrusted(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG &&
		(st.Uid == 0 || int(st.Uid) == os.Geteuid())
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

// afterWrapper strips what the image puts before the words of the user.
func afterWrapper(args []string) ([]string, bool) {
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
