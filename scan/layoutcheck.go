package scan

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"slotgen/internal/hint"
)

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
