package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"slotgen/internal/hint"
	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/scan"
)

func checkCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "render every profile and check the result as s6 takes it",
		UsageText: "slotgen templates check --templates ./templates",
		Description: "Without a volume it invents profiles, those with overrides of their own among them, so that an\n" +
			"image build can run it.\n\n" +
			"Exit code 0: nothing found; 1: findings, all of them on stdout, or profiles/ can't be read; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{homeFlag(), autostartFlag()}, contextFlags()),
		Action: noArguments(func(c *cli.Context) error {
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			set, err := loadTemplates(s.templates, msg)
			if err != nil {
				return err
			}
			profiles, err := profilesToCheck(s, set, msg)
			if err != nil {
				return err
			}
			return check(set, profiles, out, msg)
		}),
	}
}

// check prints each finding once, with its profiles.
func check(set *render.Set, profiles []scan.Profile, out *output, msg messages) error {
	found := findingsOf(set, profiles)
	for _, text := range found.texts {
		if _, err := fmt.Fprintf(out, "%s (%s)\n", printable(text), someProfiles(found.about[text])); err != nil {
			return err
		}
	}
	for _, hint := range found.hints {
		msg.line("hint: %s", hint)
	}
	msg.line("%s checked, %s", reconcile.Counted(len(profiles), "profile"), reconcile.Counted(len(found.texts), "finding"))
	if len(found.texts) > 0 {
		return reportedError{}
	}
	return nil
}

// findings holds the texts of the findings in their order, and the profiles of each text.
type findings struct {
	texts, hints []string
	about        map[string][]string
}

func findingsOf(set *render.Set, profiles []scan.Profile) findings {
	found := findings{about: map[string][]string{}}
	for _, p := range profiles {
		_, doubtful, err := set.Slot(p)
		for _, f := range doubtful {
			found.add(f, p.Name)
		}
		if err == nil {
			continue
		}
		for _, single := range split(err) {
			found.add(single, p.Name)
		}
	}
	for _, o := range set.Origins() {
		if o.Refused != nil {
			found.add(fmt.Errorf("template %s: %w", o.File, o.Refused))
		}
	}
	return found
}

func (f *findings) add(err error, profiles ...string) {
	text := err.Error()
	about, known := f.about[text]
	if !known {
		f.texts = append(f.texts, text)
		f.addHint(text, hint.Of(err))
	}
	for _, p := range profiles {
		if !slices.Contains(about, p) {
			about = append(about, p)
		}
	}
	f.about[text] = about
}

// addHint adds the hint of a finding, if there is one, behind the place in the text.
func (f *findings) addHint(text, hint string) {
	if hint == "" {
		return
	}
	place, _, _ := strings.Cut(strings.TrimPrefix(text, "template "), ": ")
	f.hints = append(f.hints, place+": "+hint)
}

// split returns the single errors of a joined error. The text of a single error may have
// several lines, so the text can't be split.
func split(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, split(e)...)
	}
	return errs
}

func someProfiles(names []string) string {
	if len(names) == 0 {
		return "no profile uses it"
	}
	return "profile " + reconcile.SomeNames(names)
}

// profilesToCheck returns the profiles on the volume, or invented profiles if there is no
// volume.
func profilesToCheck(s settings, set *render.Set, msg messages) ([]scan.Profile, error) {
	volume, err := scan.Open(s.home, s.user)
	if errors.Is(err, fs.ErrNotExist) {
		msg.line("no volume at %q: checking invented profiles", s.home)
		return invented(s.base, set.Profiles()), nil
	}
	if err != nil {
		return nil, err
	}
	defer volume.Close()
	if s.autostart == scan.None {
		s.autostart = scan.Recorded // with the policy none no profile would be rendered
	}
	list := volume.Scan(s.scanOptions(scan.Role{}))
	if list.Err != nil {
		msg.fail(list.Err)
		return nil, reportedError{}
	}
	var profiles []scan.Profile
	for _, e := range list.Entries {
		if e.Verdict == scan.Publish {
			profiles = append(profiles, e.Profile)
		}
	}
	for _, name := range set.Profiles() {
		if _, found := list.Find(name); !found && list.Complete && scan.CheckName(name) == "" {
			msg.warn("no profile %q on the volume: nothing uses its templates", name)
		}
	}
	return profiles, nil
}

// invented returns the default profile, a profile with the longest name, a profile with
// every optional field set, and one for each profile with overrides of its own.
func invented(base scan.Profile, overridden []string) []scan.Profile {
	profile := func(name string) scan.Profile {
		p := base
		p.Home, p.Name, p.Service, p.Dir = defaultHome, name, scan.ServicePrefix+name, defaultHome+"/profiles/"+name
		p.PriorExit = scan.ExitUnknown
		return p
	}
	first, long, full := profile(scan.DefaultName), profile(strings.Repeat("a", 242)), profile("full")
	first.Default, first.Dir = true, defaultHome
	full.Start, full.PriorState, full.PriorExit = true, scan.Running, "clean"
	full.User, full.Env = defaultUser, append(slices.Clone(base.Env), scan.EnvVar{Name: "NAME", Value: "it's\na \"value\""})
	profiles := []scan.Profile{first, long, full}
	for _, name := range overridden {
		isNamed := func(p scan.Profile) bool { return p.Name == name }
		if scan.CheckName(name) == "" && !slices.ContainsFunc(profiles, isNamed) {
			profiles = append(profiles, profile(name))
		}
	}
	return profiles
}
