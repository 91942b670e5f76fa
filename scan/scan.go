package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	profilesDir = "profiles"
	marker      = "SOUL.md"
)

// Scan reads the default profile and every entry of profiles/, and decides by
// the policy which gateways start. One entry's failure never ends the scan.
func (v *Volume) Scan(o Options) Listing {
	base := o.Base
	base.Home = v.home
	l := Listing{}
	first := l.profile(v, v.top, base, DefaultName)
	if l.Migrate = o.Legacy && o.Autostart != None && isLegacy(v.top); l.Migrate {
		first.Intent = Intent{State: Running, Known: true}
		first.Profile.PriorState, first.Profile.Start = Running, true
		first.Why, first.Reason = legacyReason, legacyReason
	}
	l.Entries = append(l.Entries, first)
	l.named(v, base)
	l.apply(v, o.Autostart, o.Multiplex)
	return l
}

// named adds the entries of profiles/.
func (l *Listing) named(v *Volume, base Profile) {
	names, profiles, err := v.profileNames()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.Err = fmt.Errorf("reading %q: %w", filepath.Join(v.home, profilesDir), err)
	}
	l.Complete = err == nil
	if names == nil {
		return
	}
	defer profiles.close()
	for _, name := range names {
		l.Entries = append(l.Entries, l.entry(v, profiles, base, name))
	}
}

// profileNames lists profiles/ in byte order. After an error in the middle it
// returns the names that were read, and the error.
func (v *Volume) profileNames() ([]string, dir, error) {
	d, err := v.openDir(v.top, profilesDir, unix.O_RDONLY)
	if err != nil {
		return nil, dir{}, err
	}
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		d.close()
		return nil, dir{}, err
	}
	f := os.NewFile(uintptr(fd), profilesDir)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	if names == nil {
		names = []string{}
	}
	return names, d, bare(err)
}

// Exists tells whether profiles/ holds something of that name, whatever it is.
// The error says that this could not be told.
func (v *Volume) Exists(name string) (bool, error) {
	d, err := v.openDir(v.top, profilesDir, unix.O_PATH)
	if err != nil {
		return false, fmt.Errorf("reading %q: %w", filepath.Join(v.home, profilesDir), err)
	}
	defer d.close()
	var st unix.Stat_t
	err = unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// entry applies the table of design, "Scan", to one entry of profiles/.
func (l *Listing) entry(v *Volume, profiles dir, base Profile, name string) Entry {
	e := Entry{Profile: Profile{Name: name, Dir: filepath.Join(v.home, profiles.join(name))}}
	if strings.HasPrefix(name, ".") {
		return e.verdict(Ignored, "name begins with a dot")
	}
	badName := CheckName(name)
	d, err := v.openDir(profiles, name, unix.O_PATH)
	if err == nil {
		defer d.close()
		err = hasMarker(d)
	}
	var odd unusable
	switch {
	case isNoProfile(err):
		return e.verdict(Ignored, ignoredReason(err))
	case badName != "":
		return e.verdict(Skipped, badName)
	case errors.As(err, &odd):
		return e.verdict(Skipped, odd.Error())
	case err != nil:
		return e.verdict(Failed, fmt.Sprintf("reading %+q: %s", profiles.join(name), err))
	case name == DefaultName:
		l.warn("profiles/default/ exists — skipping to avoid colliding with the reserved root-profile s6 slot")
		return e.verdict(Ignored, "the name is reserved for the home itself")
	}
	return l.profile(v, d, base, name)
}

const errNoMarker = missing("no " + marker)

// missing is an fs.ErrNotExist that says what is not there.
type missing string

func (m missing) Error() string        { return string(m) }
func (m missing) Is(target error) bool { return target == fs.ErrNotExist }

// hasMarker looks for SOUL.md, whatever it is, and never opens it.
func hasMarker(d dir) error {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, marker, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoMarker
	}
	return err
}

func isNoProfile(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, notDirectory) || errors.Is(err, leadsNowhere)
}

func ignoredReason(err error) string {
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoMarker) {
		return "gone while it was read"
	}
	return err.Error()
}

// profile reads what the files of one profile say.
func (l *Listing) profile(v *Volume, d dir, base Profile, name string) Entry {
	p := base
	p.Name, p.Service, p.Default = name, ServicePrefix+name, name == DefaultName
	p.Dir = filepath.Join(v.home, d.path)
	p.PriorExit = v.priorExit(d)
	e := Entry{Profile: p}
	intent, warning, err := v.intent(d)
	if err != nil {
		return e.verdict(Failed, err.Error())
	}
	if warning != "" {
		l.warn("%s", warning)
	}
	e.Intent = intent
	e.Profile.PriorState, e.Profile.Start = intent.State, intent.Starts()
	e.Verdict, e.Why = Publish, intent.why(warning != "")
	return e
}
