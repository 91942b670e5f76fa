package fault

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// faultCall is one file system call of a run under strace.
type faultCall struct {
	name string
	// about holds the paths and flags of the call. They are the same in every run.
	about string
	// time is the number of the call among the calls with the same name and about: 1, 2, …
	time int
	// n is the number of the call among the thread's calls with the same name, as strace counts.
	n int
	// after names the two previous calls of the thread.
	after string
	// hit is set when strace injected the fault into this call.
	hit bool
}

func (c faultCall) key() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", c.name, c.about)) + fmt.Sprintf(" (%d)", c.time)
}

var (
	faultProfile = regexp.MustCompile(`\b(?:coder|writer|default|fresh|gone|halts)\b`)
	faultInSet   = regexp.MustCompile(`(<~/root/(?:(?:service|out)/[^/>]+|templates))[^>]*>(?: "[^"]*")?`)
	faultStaged  = regexp.MustCompile(`<~/root/(?:service|out)/\.gateway-[^/>]+\.new[/>]`)
)

// place returns a text that identifies the place in the program that makes the call. It is the
// same for all profiles and for all files of a slot or template set. It differs when other calls
// come before.
func (c faultCall) place() string {
	about := faultInSet.ReplaceAllString(faultProfile.ReplaceAllString(c.about, "NAME"), "$1>")
	return fmt.Sprintf("%s %s after %s", c.name, about, c.after)
}

// renames reports whether the call gives or removes a name.
func (c faultCall) renames() bool {
	return strings.HasPrefix(c.name, "rename") || strings.HasPrefix(c.name, "link") || strings.HasPrefix(c.name, "unlink")
}

// reads reports whether a kill before the call leaves the same files as a kill after it.
func (c faultCall) reads() bool {
	switch c.name {
	case "close", "faccessat", "fcntl", "flock", "fstat", "fstatfs", "fsync", "getdents64", "newfstatat", "pread64", "read", "readlinkat":
		return true
	case "openat":
		return !strings.Contains(c.about, " O_CREAT")
	}
	return strings.Contains(c.about, "<~/stdout>") || c.prints()
}

// prints reports whether the call writes messages. A separate thread may make such calls.
func (c faultCall) prints() bool { return strings.Contains(c.about, "<~/stderr>") }

// changes reports whether the call changes names or contents.
func (c faultCall) changes() bool {
	return !c.reads() && (c.renames() || c.name == "write" || c.name == "mkdirat")
}

// fault replaces a call: strace kills the run there, or makes the call fail.
type fault struct {
	call  faultCall
	errno unix.Errno // 0 means kill
}

func (x fault) kills() bool { return x.errno == 0 }

func (x fault) String() string {
	what := "KILL"
	if !x.kills() {
		what = unix.ErrnoName(x.errno)
	}
	return fmt.Sprintf("%s at %s", what, x.call.key())
}

// options returns the arguments that make strace inject the fault. With --seccomp-bpf, calls with
// other names run at full speed. But then strace can't kill.
func (x fault) options() []string {
	if x.kills() {
		return []string{"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", x.call.name, x.call.n)}
	}
	return []string{"--seccomp-bpf", "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", x.call.name, unix.ErrnoName(x.errno), x.call.n)}
}

// onVolume reports whether the call looks at the volume or changes it, by a name or a descriptor.
func (c faultCall) onVolume() bool {
	return strings.Contains(c.about, "<~/root/home") && c.name != "close"
}

// passing returns the errors that a call on the volume may answer once and not again. EAGAIN of
// flock is an answer.
func (c faultCall) passing() []unix.Errno {
	switch {
	case !c.onVolume():
		return nil
	case c.name == "flock":
		return []unix.Errno{unix.EINTR, unix.ESTALE}
	}
	return []unix.Errno{unix.EINTR, unix.ESTALE, unix.EAGAIN}
}

// passes reports whether a repeated call succeeds.
func (x fault) passes() bool { return slices.Contains(x.call.passing(), x.errno) }

// writtenPath matches a file that the call writes and whose name is the same in every run.
var writtenPath = regexp.MustCompile(`^<~(/[^>#]+)>$`)

// onOneFile makes strace trace and count only the writes to the call's own file. Another thread
// writes messages, before or after the pass writes.
func (x fault) onOneFile(dir string) (fault, []string) {
	path := writtenPath.FindStringSubmatch(x.call.about)
	if x.call.name != "write" || path == nil {
		return x, nil
	}
	x.call.n = x.call.time
	return x, []string{"-P", dir + path[1]}
}

// faultErrors returns the errors that faults inject.
func faultErrors() []unix.Errno {
	return []unix.Errno{unix.ENOSPC, unix.EIO, unix.EACCES, unix.EROFS, unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EMFILE}
}

// plannedPlaces holds the places that already have a planned fault. All situations share it.
type plannedPlaces struct{ kills, errors map[string]bool }

// addPlace adds a place and reports whether it is new.
func addPlace(places map[string]bool, scope, place string) bool {
	key := scope + ": " + place
	was := places[key]
	places[key] = true
	return !was
}

// plan chooses the faults of a situation. With all it chooses every fault at every call. Otherwise
// each place in the program fails once and is killed once, and each call that changes names or
// contents is killed. Places that only read or work in a staged slot are the same in every
// situation of a command, so they need only one situation.
func (f *faults) plan(calls []faultCall, all bool, planned plannedPlaces) []fault {
	errnos := faultErrors()
	var faults []fault
	for nth, c := range calls {
		where, killed := f.name, c.place()
		if unseen := faultStaged.MatchString(c.about); unseen || c.reads() {
			where = f.args[0]
		} else if c.changes() {
			killed = c.key()
		}
		if last := nth == len(calls)-1; all || last || !c.reads() && addPlace(planned.kills, where, killed) {
			faults = append(faults, fault{call: c})
		}
		fails := addPlace(planned.errors, where, c.place())
		for i, errno := range errnos {
			if all || fails && i == len(planned.errors)%len(errnos) {
				faults = append(faults, fault{c, errno})
			}
		}
		for _, errno := range c.passing() {
			if all || fails {
				faults = append(faults, fault{c, errno})
			}
		}
	}
	return faults
}
