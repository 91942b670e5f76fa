package scan

import (
	"cmp"
	"os"
	"path"
	"slices"
	"strings"

	"slotgen/internal/process"
)

// wrapper is the end of the argument that the image puts before the user's words.
const wrapper = "main-wrapper.sh"

// Role is the command of the container: its words after the image's own wrappers.
type Role []string

// ReadRole finds the container's command line below proc: in the process with the lowest
// number that has an argument ending in main-wrapper.sh. It skips processes that neither root
// nor slotgen's own user started, since anybody may choose such an argument. When it finds
// none the role is empty. An error says that some of proc could not be read.
func ReadRole(proc string) (role Role, firstErr error) {
	for p, err := range process.All(proc) {
		if err == nil {
			role, err = afterWrapper(p)
		}
		if role != nil {
			return role, nil
		}
		firstErr = cmp.Or(firstErr, err)
	}
	return nil, firstErr
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

// afterWrapper returns the words of a process after the wrapper. It returns nil for a process
// without one, or of another account.
func afterWrapper(p process.Process) (Role, error) {
	args, err := p.Args()
	if err != nil {
		return nil, err
	}
	role := behindWrapper(args)
	if role == nil {
		return nil, nil
	}
	uid, found, err := p.RealUID()
	if !found || uid != 0 && uid != os.Geteuid() {
		return nil, err
	}
	return role, nil
}

// behindWrapper removes the words that the image puts before the words of the user. It returns
// nil where there is no wrapper.
func behindWrapper(args []string) Role {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasSuffix(a, wrapper) })
	if i < 0 {
		return nil
	}
	args = args[i+1:]
	for _, word := range []string{"entrypoint-dispatch.sh", "hermes"} {
		if len(args) > 0 && path.Base(args[0]) == word {
			args = args[1:]
		}
	}
	return args
}
