package scan

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
	"golang.org/x/sys/unix"
)

// Policy decides which gateways a boot starts (docs/design.md, "Policy").
type Policy string

// The policies. Auto is Multiplex where multiplexing is switched on, else
// Recorded. Under All the scan reads no states, and every gateway starts. Under None the
// gateways belong to another container.
const (
	Auto      Policy = "auto"
	Recorded  Policy = "recorded"
	Multiplex Policy = "multiplex"
	All       Policy = "all"
	None      Policy = "none"
)

// ParsePolicy returns the policy of that name.
func ParsePolicy(name string) (Policy, error) {
	switch p := Policy(name); p {
	case Auto, Recorded, Multiplex, All, None:
		return p, nil
	}
	return "", fmt.Errorf("%q: must be recorded, multiplex, all, none or auto", name)
}

// MultiplexVar is the variable that switches multiplexing on or off, before
// config.yaml.
const MultiplexVar = "GATEWAY_MULTIPLEX_PROFILES"

// inForce resolves Auto. It also returns the basis of the policy, for messages.
func (l *Listing) inForce(v *Volume, asked Policy, variable string) (Policy, string) {
	switch {
	case asked != Auto:
		return asked, "autostart " + string(asked)
	case v.layout.StateFile == "":
		return All, "no state file"
	case !v.layout.DefaultProfile:
		return Recorded, ""
	}
	t, ok := parseToggle(variable)
	if !ok {
		l.warn("%s=%+q is neither true nor false: taken as unset", MultiplexVar, variable)
	}
	if t != unset {
		return policyOf(t), MultiplexVar
	}
	c, err := readConfig(v.top, "")
	if err != nil {
		l.warn("%s: multiplexing is taken as off", err)
		return Recorded, ""
	}
	for _, s := range []struct {
		key  string
		node *yaml.Node
	}{
		{"multiplex_profiles", &c.Multiplex},
		{"gateway.multiplex_profiles", &c.Gateway.Multiplex},
	} {
		t, warning := c.toggle(s.node, s.key)
		l.keep(warning)
		if t != unset {
			return policyOf(t), s.key + " in " + configFile
		}
	}
	return Recorded, ""
}

func policyOf(t toggle) Policy {
	if t == on {
		return Multiplex
	}
	return Recorded
}

// apply sets Start and its reason for every entry that is to be published.
func (l *Listing) apply(v *Volume, asked Policy, variable string) {
	var basis string
	l.Autostart, basis = l.inForce(v, asked, variable)
	switch l.Autostart {
	case None:
		for i, e := range l.Entries {
			if e.Verdict == Publish || e.Verdict == Failed {
				l.Entries[i] = e.verdict(Skipped, "autostart none")
			}
		}
	case All:
		l.startAll(basis)
	case Multiplex:
		l.fold(v, basis)
	case Auto, Recorded:
	}
}

func (l *Listing) startAll(basis string) {
	for i := range l.Entries {
		if e := &l.Entries[i]; e.Verdict == Publish {
			e.Profile.Start, e.Reason, e.Why = true, basis, basis
		}
	}
}

// fold leaves the named profiles down, since the default gateway serves them. It starts the
// default gateway when any of them is recorded as running.
func (l *Listing) fold(v *Volume, basis string) {
	var served []string
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Verdict != Publish || e.Profile.Default {
			continue
		}
		if l.standalone(v, e.Profile) {
			e.Why += "; gateway.standalone in its own " + configFile
			continue
		}
		e.Profile.Start = false
		e.Why = fmt.Sprintf("folded into %s (%s)", v.layout.Service(DefaultName), basis)
		if e.Intent.Starts() {
			e.Reason = e.Why
			served = append(served, e.Profile.Name)
		}
	}
	if len(served) == 0 {
		return
	}
	first := &l.Entries[0]
	serves := fmt.Sprintf("serves %s (%s)", some(served), basis)
	if first.Verdict != Publish {
		l.warn("profile %q failed and would have to start: it %s", first.Profile.Name, serves)
		return
	}
	l.Notices = append(l.Notices, fmt.Sprintf("%s %s", v.layout.Service(DefaultName), serves))
	if !first.Profile.Start {
		first.Profile.Start, first.Reason, first.Why = true, serves, serves
	}
}

// standalone reports whether a profile has a gateway of its own in spite of multiplexing.
func (l *Listing) standalone(v *Volume, p Profile) bool {
	d, err := openDir(v.top, path.Join(v.layout.Profiles, p.Name), unix.O_PATH)
	if err != nil {
		l.warn("reading the %s of profile %q: %s", configFile, p.Name, err)
		return false
	}
	defer d.close()
	c, err := readConfig(d, "standalone")
	if err != nil {
		l.warn("%s: the profile is taken as not standalone", err)
		return false
	}
	t, warning := c.toggle(&c.Gateway.Standalone, "gateway.standalone")
	l.keep(warning)
	return t == on
}

// some lists at most ten names.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
