package scan

import (
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxCmdline bounds what is read of a command line; the kernel's own limit on
// one argument is 128 KiB.
const maxCmdline = 256 << 10

// Role is what the container was started to do: the words of its command after
// the image's own wrappers.
type Role struct{ Args []string }

// ReadRole looks for the container's command line below proc: in process 1,
// else in the lowest process that has an argument ending in main-wrapper.sh.
// Processes of other users than root and our own are passed over, since anybody
// may choose such an argument. Without a find the role is empty.
func ReadRole(proc string) Role {
	for _, pid := range processes(proc) {
		if args, found := afterWrapper(readCmdline(filepath.Join(proc, strconv.Itoa(pid), "cmdline"))); found {
			return Role{Args: args}
		}
	}
	return Role{}
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

// processes lists the process numbers below proc: 1 first, which is the lowest.
func processes(proc string) []int {
	f, err := os.Open(proc) //nolint:gosec // the operator's, /proc but in tests
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func readCmdline(name string) []string {
	fd, err := openat(unix.AT_FDCWD, name, unix.O_RDONLY)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return nil
	}
	data, _ := io.ReadAll(io.LimitReader(f, maxCmdline))
	return parseCmdline(data)
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
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasSuffix(a, "main-wrapper.sh") })
	if i < 0 {
		return nil, false
	}
	args = args[i+1:]
	for _, wrapper := range []string{"entrypoint-dispatch.sh", "hermes"} {
		if len(args) > 0 && path.Base(args[0]) == wrapper {
			args = args[1:]
		}
	}
	return args, true
}
