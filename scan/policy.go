package scan

import (
	"errors"
	"fmt"
	"path"
	"strings"

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

// inForce sets the policy, which is never Auto. It returns its basis, for messages.
func (l *Listing) inForce(v *Volume, o Options) (basis string) {
	switch {
	case o.Autostart != Auto:
		l.Autostart = o.Autostart
		return "autostart " + string(o.Autostart)
	case v.layout.StateFile == "":
		l.Autostart = All
		return "no state file"
	case !v.layout.DefaultProfile:
		l.Autostart = Recorded
		return ""
	}
	t, ok := parseToggle(o.Multiplex)
	if !ok {
		l.warn("%s=%+q is neither true nor false: taken as unset", MultiplexVar, o.Multiplex)
	}
	basis = MultiplexVar
	if t == unset {
		t, basis = l.multiplexes(v)
	}
	l.Autostart = Recorded
	if t == on {
		l.Autostart = Multiplex
	}
	return basis
}

// multiplexes returns the switch in the config.yaml of the home, and its key.
func (l *Listing) multiplexes(v *Volume) (t toggle, basis string) {
	c, err := readConfig(v.top, "")
	if err != nil {
		l.warn("%s: multiplexing is taken as off", err)
		return unset, ""
	}
	for _, s := range []struct {
		key string
		setting
	}{
		{"multiplex_profiles", c.multiplex},
		{"gateway.multiplex_profiles", c.gatewayMultiplex},
	} {
		l.keep("", s.warning(configFile, s.key))
		if s.toggle != unset {
			return s.toggle, s.key + " in " + configFile
		}
	}
	return unset, ""
}

// apply sets Start and its reason for every entry that is to be published.
func (l *Listing) apply(v *Volume, o Options, basis string) {
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
		l.fold(v, o, basis)
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
func (l *Listing) fold(v *Volume, o Options, basis string) {
	var served []string
	for i := range l.Entries {
		e := &l.Entries[i]
		if e.Verdict != Publish || e.Profile.Default || !o.reads(e.Profile.Name) {
			continue
		}
		alone, err := l.standalone(v, e.Profile)
		if err != nil {
			*e = e.verdict(Failed, err.Error())
			continue
		}
		if alone {
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
	if len(served) == 0 || !o.reads(DefaultName) {
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

// standalone reports whether a profile has a gateway of its own in spite of multiplexing. It returns
// an error where the scan has read too much to find out.
func (l *Listing) standalone(v *Volume, p Profile) (bool, error) {
	d, err := openDir(v.top, path.Join(v.layout.Profiles, p.Name), unix.O_PATH)
	if err != nil {
		err = failure(path.Join(v.layout.Profiles, p.Name), err)
	}
	defer d.close()
	var c config
	if err == nil {
		c, err = readConfig(d, "standalone")
	}
	if errors.As(err, new(exhausted)) {
		return false, err
	}
	if err != nil {
		l.keep(p.Name, fmt.Sprintf("%s: the profile is taken as not standalone", err))
		return false, nil
	}
	l.keep(p.Name, c.standalone.warning(d.join(configFile), "gateway.standalone"))
	return c.standalone.toggle == on, nil
}

// some lists at most ten names.
func some(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
