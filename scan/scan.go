package scan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Scan reads the default profile and every entry of the profiles folder, and decides by
// the policy which gateways start. One entry's failure never ends the scan.
func (v *Volume) Scan(o Options) Listing {
	var l Listing
	if err := v.user.Do(func() { l = v.scan(o) }); err != nil {
		l.Err = err
	}
	return l
}

func (v *Volume) scan(o Options) Listing {
	v.top.patience.sums = newSums()
	o.Base.Home, o.layout = v.home, v.layout
	l := Listing{}
	basis := l.inForce(v, o)
	o.choose(l.Autostart)
	if v.layout.DefaultProfile {
		l.first(v, o)
	}
	l.named(v, o)
	l.warnOfEmptyHome(v)
	l.apply(v, o, basis)
	return l
}

// first adds the home itself.
func (l *Listing) first(v *Volume, o Options) {
	e, warning, _ := o.readProfile(v.top, DefaultName, v.home)
	l.keep(DefaultName, warning)
	if o.Legacy && o.Autostart != None && o.readsStates() && e.Verdict == Publish {
		e = l.legacy(v, e)
	}
	l.Entries = append(l.Entries, e)
}

// warnOfEmptyHome warns of a home that holds nothing of a profile: the volume may not be
// mounted.
func (l *Listing) warnOfEmptyHome(v *Volume) {
	if l.Complete || l.Err != nil {
		return
	}
	folder := v.layout.Folder()
	if v.layout.Profiles == homeItself {
		folder = "profile"
	}
	wanted := append([]string{folder}, v.layout.filesOfHome()...)
	for _, name := range wanted[1:] {
		if _, err := v.top.lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	l.warn("home %q has no %s: is the volume mounted?", v.home, alternatives(wanted))
}

// filesOfHome returns the names that show that a home is a profile too.
func (l Layout) filesOfHome() []string {
	if !l.DefaultProfile {
		return nil
	}
	return slices.DeleteFunc([]string{l.Marker, l.StateFile}, func(name string) bool { return name == "" })
}

// alternatives joins words: "a, b or c".
func alternatives(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// keep adds a warning unless it is empty. It is about the profile of that name, or about none.
func (l *Listing) keep(profile, warning string) {
	if warning == "" {
		return
	}
	l.Warnings = append(l.Warnings, warning)
	if l.about == nil {
		l.about = map[string]string{}
	}
	l.about[warning] = profile
}

// About returns the name of the profile that a warning is about, or "".
func (l *Listing) About(warning string) string { return l.about[warning] }

// named adds the entries of the profiles folder, in byte order.
func (l *Listing) named(v *Volume, o Options) {
	profiles, err := openDir(v.top, v.layout.Profiles, unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var found names
	if err == nil {
		defer profiles.close()
		found, err = profiles.names(o.layout, o.only)
	}
	if err == nil {
		l.ProfilesID, err = profiles.id()
	}
	if err != nil {
		l.Err = fmt.Errorf("reading %q: %w", v.profilesPath(), err)
	}
	l.readAll(v, o, profiles, found)
	l.Complete = err == nil && (v.layout.Profiles != homeItself || l.HasProfile())
}

// readAll adds the entries of the names, and their warnings, in the order of the names.
func (l *Listing) readAll(v *Volume, o Options, profiles dir, found names) {
	first := len(l.Entries)
	names := found.toLookAt()
	l.Entries = append(l.Entries, make([]Entry, len(names))...)
	entries, warnings := l.Entries[first:], make([]string, len(names))
	Share(len(names), func(parts iter.Seq[int]) {
		// The first goroutine has the user's credentials. If the other can't take them, the first does
		// all parts.
		_ = v.user.Do(func() {
			for i := range parts {
				entries[i], warnings[i] = o.readEntry(profiles, names[i])
			}
		})
	})
	for i, warning := range warnings {
		l.keep(names[i], warning)
	}
	for _, name := range found.plain.names {
		path := filepath.Join(o.Base.Home, profiles.path, name)
		l.Entries = append(l.Entries, noProfileEntry(name, path, Ignored, plainReason(name)))
	}
	slices.SortFunc(l.Entries[first:], func(a, b Entry) int { return strings.Compare(a.Profile.Name, b.Profile.Name) })
	if dropped := found.misnamed.dropped(); dropped > 0 {
		l.warn("%s has %d entries more whose names no profile can have: they are not listed", o.layout.Folder(), dropped)
	}
}

// readEntry reads one entry of the profiles folder. It opens the directory once more after ESTALE: a file
// server may have made it anew. It returns a warning beside the entry, or "".
func (o Options) readEntry(profiles dir, name string) (Entry, string) {
	e, warning, err := o.readOnce(profiles, name)
	if errors.Is(err, unix.ESTALE) {
		e, warning, _ = o.readOnce(profiles, name)
	}
	return e, warning
}

// readOnce applies the table of docs/design.md, "Scan", to one entry of the profiles folder. It returns
// an error for a failed entry.
func (o Options) readOnce(profiles dir, name string) (e Entry, warning string, err error) {
	absolute := filepath.Join(o.Base.Home, profiles.path, name)
	d, verdict, why := o.layout.judge(profiles, name)
	defer d.close()
	if verdict == Publish && !o.reads(name) {
		e = o.newEntry(name, absolute)
		e.Verdict, e.Why = Publish, "its files are not read: it was not asked for"
		return e, "", nil
	}
	if verdict == Publish {
		return o.readProfile(d, name, absolute)
	}
	if errors.Is(why, reserved) {
		warning = profiles.join(name) + "/ exists — skipping to avoid colliding with the reserved root-profile s6 slot"
	}
	return noProfileEntry(name, absolute, verdict, why), warning, why
}

func noProfileEntry(name, path string, verdict Verdict, why error) Entry {
	e := Entry{Profile: Profile{Name: name, Dir: path, PriorExit: ExitUnknown}}
	return e.verdict(verdict, why.Error())
}

// judge returns the verdict on an entry of the profiles folder, with the reason when it is no
// profile. It reads no file. It opens the directory, if there is one, and the caller closes it.
func (l Layout) judge(profiles dir, name string) (d dir, verdict Verdict, why error) {
	switch {
	case strings.HasPrefix(name, "."):
		return noDir(), Ignored, dotName
	case l.Profiles == homeItself && name == logsDir:
		return noDir(), Ignored, ownLogs
	}
	badName := l.CheckName(name)
	d, err := openDir(profiles, name, unix.O_PATH)
	switch {
	case err == nil:
		err = l.hasMarker(d)
	case errors.Is(err, fs.ErrNotExist):
		err = gone
	case errors.Is(err, notDirectory):
		err = noDirectory
	}
	var ignored noProfile
	var odd unusable
	switch {
	case errors.As(err, &ignored):
		return d, Ignored, ignored
	case badName != "":
		return d, Skipped, errors.New(badName)
	case l.IsDefault(name):
		return d, Ignored, reserved // whatever else there is to say of it
	case errors.As(err, &odd):
		return d, Skipped, odd
	case err != nil:
		return d, Failed, failure(profiles.join(name), err)
	}
	return d, Publish, nil
}

// noProfile is the reason why an entry of the profiles folder is no profile, whatever it holds.
type noProfile string

func (n noProfile) Error() string { return string(n) }

const (
	dotName     = noProfile("name begins with a dot")
	gone        = noProfile("gone while it was read")
	noDirectory = noProfile("not a directory")
	ownLogs     = noProfile("slotgen's own logs")
	reserved    = noProfile("the name is reserved for the home itself")
)

// noMarker is the reason why a directory without the marker is no profile.
func (l Layout) noMarker() error { return noProfile("no " + l.Marker) }

// hasMarker returns noMarker unless there is a marker of any kind. It never opens it.
func (l Layout) hasMarker(d dir) error {
	if l.Marker == "" {
		return nil
	}
	_, err := d.lstat(l.Marker)
	if errors.Is(err, fs.ErrNotExist) {
		return l.noMarker()
	}
	return err
}

// readProfile reads the files of one profile. It returns a warning or "", and the error of a failed
// profile.
func (o Options) readProfile(d dir, name, path string) (e Entry, warning string, err error) {
	e = o.newEntry(name, path)
	p := &e.Profile
	p.PriorExit, e.Stale = readPriorExit(d), o.layout.hasStale(d, *p)
	intent, doubt, err := o.readIntent(d)
	if err == nil {
		p.Data, err = o.readData(d)
	}
	if err != nil {
		return e.verdict(Failed, err.Error()), "", err
	}
	e.Intent = intent
	p.PriorState, p.Start = intent.State, intent.Starts()
	e.Verdict, e.Why, e.Reason = Publish, intent.why(o.layout.StateFile), intent.nearMiss(o.layout.StateFile)
	if doubt != nil {
		e.Reason = fmt.Sprintf("%s: %s: taken as no recorded state", o.layout.StateFile, doubt)
		warning = fmt.Sprintf("reading %+q: %s: taken as no recorded state", d.join(o.layout.StateFile), doubt)
	}
	e.Why = cmp.Or(e.Reason, e.Why)
	return e, warning, nil
}

func (o Options) newEntry(name, path string) Entry {
	e := Entry{Profile: o.Base}
	p := &e.Profile
	p.Name, p.Service, p.Default, p.Dir = name, o.layout.Service(name), o.layout.IsDefault(name), path
	p.PriorExit = ExitUnknown
	return e
}
