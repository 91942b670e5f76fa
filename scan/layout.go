package scan

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"slotgen/internal/hint"
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

// LayoutError is the error of a layout that can't work. Its hint says what to do.
type LayoutError struct {
	// Setting is the name of the setting, such as "marker".
	Setting string
	Err     error
}

func (e LayoutError) Error() string { return e.Setting + " " + e.Err.Error() }

// Unwrap returns the error without the name of the setting.
func (e LayoutError) Unwrap() error { return e.Err }

// Check returns a LayoutError when the layout can't work.
func (l Layout) Check() error {
	if err := l.checkPrefix(); err != nil {
		return LayoutError{"prefix", err}
	}
	setting := map[string]string{}
	for _, f := range l.files() {
		if err := checkComponent(f.name); err != nil {
			return LayoutError{f.setting, err}
		}
		if other, taken := setting[f.name]; taken {
			return LayoutError{f.setting, hint.Add(fmt.Errorf("%q: --%s names it too", f.name, other), "name each file once")}
		}
		setting[f.name] = f.setting
	}
	switch {
	case l.Profiles == logsDir:
		return LayoutError{"profiles", hint.Add(fmt.Errorf("%q: slotgen keeps its own logs there", l.Profiles), "name another folder of the home")}
	case l.Profiles == homeItself && l.Marker == "":
		return LayoutError{"profiles", hint.Add(errors.New(`".": without a marker every directory of the home would be a profile`),
			"--marker or SLOTGEN_MARKER names the file that makes a directory a profile")}
	}
	return nil
}

// fileSetting is a file or folder that a setting names.
type fileSetting struct{ setting, name string }

// files returns the files and the folder that the settings name.
func (l Layout) files() []fileSetting {
	var all []fileSetting
	add := func(setting, name string) { all = append(all, fileSetting{setting, name}) }
	if l.Profiles != homeItself {
		add("profiles", l.Profiles)
	}
	if l.Marker != "" {
		add("marker", l.Marker)
	}
	if l.StateFile != "" {
		add("state-file", l.StateFile)
	}
	if l.Data != "" && l.Data != l.Marker { // a file with data may well be the marker
		add("data", l.Data)
	}
	for _, name := range l.StaleFiles {
		add("stale-files", name)
	}
	return all
}

// maxComponent is the length of the longest name of a file in a setting, in bytes. It keeps
// tempName of it within NAME_MAX.
const maxComponent = 250

// checkComponent returns an error unless the name is one component of a path.
func checkComponent(name string) error {
	switch {
	case name == "":
		return hint.Add(errors.New(`"": an empty name`), "a comma stands between two names; none stands for no file")
	case name == "." || name == "..":
		return fmt.Errorf("%q: not the name of a file or folder", name)
	case strings.Contains(name, "/"):
		return hint.Add(fmt.Errorf("%q: has a slash", name), "give one name, without the directory that it is in")
	case len(name) > maxComponent:
		return fmt.Errorf("%q: longer than %d bytes", name, maxComponent)
	}
	return nil
}

// checkPrefix returns an error unless the prefix can begin the names of slots.
func (l Layout) checkPrefix() error {
	const pattern = "^[a-z0-9][a-z0-9-]*-$"
	const advice = "it has lower-case letters, digits and dashes, and ends in a dash, such as tenant-"
	switch {
	case !regexp.MustCompile(pattern).MatchString(l.Prefix):
		return hint.Add(fmt.Errorf("%q: does not match %s", l.Prefix, pattern), advice)
	case strings.HasPrefix(l.Prefix, "s6-"), strings.HasPrefix(l.Prefix, "s6rc-"):
		return hint.Add(fmt.Errorf("%q: services of s6 itself have such names", l.Prefix), "choose another one, such as tenant-")
	case l.MaxName() < 1:
		return fmt.Errorf("%q: longer than %d bytes: no room for the name of a profile", l.Prefix, maxService-1)
	}
	return nil
}

// CheckPolicy returns an error when a policy can't work in this layout. Its hint says what to do.
func (l Layout) CheckPolicy(p Policy) error {
	switch {
	case p == Multiplex && !l.DefaultProfile:
		return hint.Add(fmt.Errorf("%q: there is no default profile whose gateway serves the others", p), "--default-profile on makes the home one")
	case (p == Multiplex || p == Recorded) && l.StateFile == "":
		return hint.Add(fmt.Errorf("%q: no state is recorded", p), "--state-file names the file that records it; all starts every profile")
	}
	return nil
}
