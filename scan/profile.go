package scan

import (
	"fmt"
	"slices"
)

// EnvVar is one extra environment variable of a gateway.
type EnvVar struct {
	// Name matches [A-Za-z_][A-Za-z0-9_]*.
	Name string
	// Value is any text without NUL; a template has to quote it.
	Value string
}

// Profile is the context of templates: its fields are what a template sees
// (docs/design.md, "Templates"). Strings are raw; quote them with shquote or execquote.
type Profile struct {
	// Name is the profile's name, "default" for the home itself.
	Name string
	// Service is the name of the slot in the scandir: the layout's prefix and the name.
	Service string
	// Default is true for the profile that is the home itself.
	Default bool
	// Dir is the profile's own directory, an absolute path.
	Dir string
	// Home is the volume's root, an absolute path.
	Home string
	// User is the user's name, or empty where it is known by numbers only.
	User string
	// UID is the user's number.
	UID int
	// GID is the number of the user's group.
	GID int
	// Start is true when the gateway is to start. Otherwise its slot gets a down file.
	Start bool
	// PriorState is the recorded state, empty when none is recorded.
	PriorState string
	// PriorExit is how the gateway last ended: "clean", "unclean" or "unknown".
	PriorExit string
	// Env is the extra environment, in the order it was given.
	Env []EnvVar
	// CommandDir is the directory that holds the programs of s6 and execline.
	CommandDir string
	// Command is the gateway's program, looked up in PATH when it has no slash.
	Command string
	// Data is what the profile's data file holds, nil where no such file is configured. Its texts
	// are Opaque. Other values are int, float64, bool, nil, []any and map[string]any.
	Data map[string]any `json:",omitempty"`
}

// Verdict is what a pass does with an entry.
type Verdict int

// The verdicts on an entry. An Ignored entry is no profile. Skipped and Failed are outcomes
// with a reason, and Failed makes a pass exit with 1.
const (
	Ignored Verdict = iota
	Publish
	Skipped
	Failed
)

// Entry is the home or one entry of the profiles folder, with the result of its scan.
type Entry struct {
	Profile Profile
	Intent  Intent
	Verdict Verdict
	// Stale is true when the profile's directory held files that RemoveStale removes.
	Stale bool
	// Why is the reason of the verdict, in words that an operator can act on.
	Why string
	// Reason is what the boot log gives beside the action. It is set for a skipped or failed
	// entry, when Start differs from the recorded state, and when the state is unusable or
	// misspelled.
	Reason string
}

func (e Entry) verdict(v Verdict, reason string) Entry {
	e.Verdict, e.Reason, e.Why = v, reason, reason
	return e
}

// Options are the inputs of a scan beside the volume.
type Options struct {
	// Base holds the fields that are the same for all profiles: User, UID, GID,
	// Env, CommandDir, Command.
	Base Profile
	// Autostart is the policy that was asked for.
	Autostart Policy
	// Multiplex is the value of GATEWAY_MULTIPLEX_PROFILES.
	Multiplex string
	// Legacy is true in a container that runs the gateway as its command.
	Legacy bool
	// Only limits the reading of files to the profiles of these names and to the default one. The
	// others are listed by their names. An empty list means all. The default gateway depends
	// on the states of the profiles that it serves, so its name may mean all, too.
	Only []string

	layout   Layout // the volume's
	only     map[string]bool
	readsAll bool
}

// choose decides whose files are read.
func (o *Options) choose(policy Policy) {
	o.only = map[string]bool{}
	for _, name := range o.Only {
		o.only[name] = true
	}
	o.readsAll = len(o.Only) == 0 || policy == Multiplex && o.only[DefaultName]
}

func (o Options) reads(name string) bool { return o.readsAll || o.only[name] }

// Listing is one reading of a volume.
type Listing struct {
	// Entries holds the default profile first, where the layout has one, then the others in byte
	// order.
	Entries []Entry
	// Autostart is the policy in force, never Auto.
	Autostart Policy
	// Migrate is true when a state has to be recorded for a container from before s6.
	Migrate bool
	// Warnings and Notices are for the operator, in the order they arose. Their quotes of the
	// volume are escaped.
	Warnings, Notices []string
	about             map[string]string // the profile that a warning is about
	// Err is set when the profiles folder exists and could not be read to its end. Then entries are
	// missing.
	Err error
	// Complete is true when the profiles folder exists and was read to its end: a name without an
	// entry did not exist or was no directory, or CheckName refuses it. A home that is the folder
	// itself also has to hold a profile: otherwise it may not be mounted.
	Complete bool
	// ProfilesID identifies the profiles folder. It is zero without one that could be read.
	ProfilesID FileID
}

func (l *Listing) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}

// Find returns the entry of that name.
func (l *Listing) Find(name string) (Entry, bool) {
	i := slices.IndexFunc(l.Entries, func(e Entry) bool { return e.Profile.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return l.Entries[i], true
}

// HasProfile reports whether a listing has a profile beside the home itself.
func (l *Listing) HasProfile() bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Verdict == Publish && !e.Profile.Default })
}
