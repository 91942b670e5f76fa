package scan

import (
	"path"
	"strings"
)

// Layout is the layout of a volume: which directories are profiles, which of their files are read
// or removed, and how their slots are called. Each field is a setting (docs/design.md, "Layout").
type Layout struct {
	// Profiles is the folder in the home that holds the profiles. "." is the home itself.
	Profiles string
	// Marker is the file that makes a directory a profile. Without one every directory is a
	// profile.
	Marker string
	// Prefix and the name of a profile are the name of its slot.
	Prefix string
	// DefaultProfile is true where the home itself is a profile too, called DefaultName.
	DefaultProfile bool
	// StateFile is the file in a profile that records the state of its gateway. Without one no
	// state is recorded.
	StateFile string
	// StaleFiles are removed from a profile before its slot is published.
	StaleFiles []string
	// Data is the file in a profile that templates see as .Data. Without one they see none.
	Data string
}

// DefaultLayout returns the layout of a volume of the Hermes agent image.
func DefaultLayout() Layout {
	return Layout{
		Profiles:       "profiles",
		Marker:         "SOUL.md",
		Prefix:         "gateway-",
		DefaultProfile: true,
		StateFile:      "gateway_state.json",
		StaleFiles:     []string{"gateway.pid", "processes.json"},
	}
}

// homeItself is the profiles folder of a volume whose home holds the profiles.
const homeItself = "."

// DefaultName is the name of the profile that is the home itself.
const DefaultName = "default"

// IsDefault reports whether the name is reserved for the home itself.
func (l Layout) IsDefault(name string) bool { return l.DefaultProfile && name == DefaultName }

// Service returns the name of a profile's slot.
func (l Layout) Service(profile string) string { return l.Prefix + profile }

// ProfileOf returns the name of a service's profile, and whether the service has a slot's name.
func (l Layout) ProfileOf(service string) (name string, isSlot bool) {
	name, found := strings.CutPrefix(service, l.Prefix)
	return name, found && l.CheckName(name) == ""
}

// Root returns the volume's root for an absolute path. Where the profiles lie as in the default
// layout, a path in a directory called "profiles" stands for the directory two levels up
// (docs/design.md, "Words").
func (l Layout) Root(home string) string {
	d := DefaultLayout()
	isHermes := l.Profiles == d.Profiles && l.Marker == d.Marker && l.DefaultProfile
	if parent := path.Dir(home); isHermes && path.Base(parent) == l.Profiles {
		return path.Dir(parent)
	}
	return home
}

// Folder names the profiles folder in messages: "profiles/", or "the home".
func (l Layout) Folder() string {
	if l.Profiles == homeItself {
		return "the home"
	}
	return l.Profiles + "/"
}
