package fault

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// faultCall is one file system call of a run under strace.
type faultCall struct {
	name string
	// about holds the paths and flags of the call, the same in every run.
	about string
	// time numbers the calls of one name about the same: 1, 2, …
	time int
	// n numbers the calls of one name in one thread, as strace counts them.
	n int
	// after names the two calls before it in its thread.
	after string
	// hit is true where strace injected the fault.
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

// place returns a text that stands for the place in the program that makes the call.
// It is the same for each profile and for each file of a slot or template set, and differs
// where other calls come before it.
func (c faultCall) place() string {
	about := faultInSet.ReplaceAllString(faultProfile.ReplaceAllString(c.about, "NAME"), "$1>")
	return fmt.Sprintf("%s %s after %s", c.name, about, c.after)
}

// renames reports whether the call gives a name or takes one away.
func (c faultCall) renames() bool {
	return strings.HasPrefix(c.name, "rename") || strings.HasPrefix(c.name, "link") || strings.HasPrefix(c.name, "unlink")
}

// reads reports whether a kill before the call leaves the same as a kill after it.
func (c faultCall) reads() bool {
	switch c.name {
	case "close", "faccessat", "fcntl", "flock", "fstat", "fstatfs", "fsync", "getdents64", "newfstatat", "pread64", "read", "readlinkat":
		return true
	case "openat":
		return !strings.Contains(c.about, " O_CREAT")
	}
	return strings.Contains(c.about, "<~/stdout>") || c.prints()
}

// prints reports whether the call writes messages, which a thread of their own may do.
func (c faultCall) prints() bool { return strings.Contains(c.about, "<~/stderr>") }

// changes reports whether the call changes names or texts.
func (c faultCall) changes() bool {
	return !c.reads() && (c.renames() || c.name == "write" || c.name == "mkdirat")
}

// fault is a call that is not made: the run is killed there, or the call fails.
type fault struct {
	call  faultCall
	errno unix.Errno // 0 kills
}

func (x fault) kills() bool { return x.errno == 0 }

func (x fault) String() string {
	what := "KILL"
	if !x.kills() {
		what = unix.ErrnoName(x.errno)
	}
	return fmt.Sprintf("%s at %s", what, x.call.key())
}

// options make strace inject the fault. Where seccomp picks the calls for strace, those
// of other names run at full speed, but strace can't kill.
func (x fault) options() []string {
	if x.kills() {
		return []string{"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", x.call.name, x.call.n)}
	}
	return []string{"--seccomp-bpf", "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", x.call.name, unix.ErrnoName(x.errno), x.call.n)}
}

// writtenPath finds the path of a file that the call writes, and that has the same name in
// every run.
var writtenPath = regexp.MustCompile(`^<~(/[^>#]+)>$`)

// alone makes strace look at, and count, only the writes of the call's own file: a thread
// of its own writes messages, before or after the pass writes.
func (x fault) alone(dir string) (fault, []string) {
	path := writtenPath.FindStringSubmatch(x.call.about)
	if x.call.name != "write" || path == nil {
		return x, nil
	}
	x.call.n = x.call.time
	return x, []string{"-P", dir + path[1]}
}

// faultErrors are the errors that a call is made to fail with.
func faultErrors() []unix.Errno {
	return []unix.Errno{unix.ENOSPC, unix.EIO, unix.EACCES, unix.EROFS, unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EMFILE}
}

// plannedPlaces holds where faults are planned for already. Situations share it.
type plannedPlaces struct{ kills, errors map[string]bool }

// first reports whether the place was not planned for before.
func first(places map[string]bool, scope, place string) bool {
	key := scope + ": " + place
	was := places[key]
	places[key] = true
	return !was
}

// plan chooses the faults of a situation: with all, each one at each call. Otherwise
// each place in the program fails once and is killed once, and each step that changes
// names or texts is killed. Places that only read, or that work in a slot that nobody
// sees, are the same in every situation of a command: one situation is enough.
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
		if last := nth == len(calls)-1; all || last || !c.reads() && first(planned.kills, where, killed) {
			faults = append(faults, fault{call: c})
		}
		fails := first(planned.errors, where, c.place())
		for i, errno := range errnos {
			if all || fails && i == len(planned.errors)%len(errnos) {
				faults = append(faults, fault{c, errno})
			}
		}
	}
	return faults
}
