package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
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
		Description: "Renders the profiles on the volume, and invented ones too: the default profile, one with a long " +
			"name, one with every optional field, and one for each profile that has overrides of its own. So an " +
			"image build can run it without a volume.\n\n" +
			"Exit code 0: nothing found; 1: findings, all of them on stdout, or the profiles folder can't be read; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{outputFlag(), homeFlag(), autostartFlag()}, contextFlags(), layoutFlags()),
		Action: noArguments(func(c *cli.Context) error {
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			set, err := loadTemplates(s.templates, s.Layout, msg)
			if err != nil {
				return err
			}
			profiles, invented, err := profilesToCheck(s, set, msg)
			if err != nil {
				return err
			}
			found := findingsOf(set, profiles, invented)
			if s.json {
				writeJSON(out, found)
			} else {
				found.print(out, msg)
			}
			if len(found.Findings) > 0 {
				return reportedError{}
			}
			return nil
		}),
	}
}

// findings is the result of `slotgen templates check`, and its JSON form.
type findings struct {
	SchemaVersion int `json:"schemaVersion"`
	// Checked is the number of rendered profiles.
	Checked  int       `json:"checked"`
	Findings []finding `json:"findings"`
	// needData are the mistakes of invented profiles that have no data, where a profile may have it.
	needData []string
	// at holds the index of each finding, by its text.
	at map[string]int
}

type finding struct {
	Text     string   `json:"text"`
	Profiles []string `json:"profiles"`
	Hint     string   `json:"hint"`
}

// print prints each finding once, with its profiles.
func (f *findings) print(out *output, msg messages) {
	for _, one := range f.Findings {
		fmt.Fprintf(out, "%s (%s)\n", scan.Printable(one.Text), someProfiles(one.Profiles))
	}
	for _, text := range slices.Compact(slices.Sorted(slices.Values(f.needData))) {
		msg.info("the invented profiles have no data, so the profiles on the volume alone check this: %s", text)
	}
	for _, one := range f.Findings {
		if one.Hint != "" {
			place, _, _ := strings.Cut(strings.TrimPrefix(one.Text, "template "), ": ")
			msg.line("hint: %s: %s", place, one.Hint)
		}
	}
	msg.info("%s checked, %s", reconcile.Counted(f.Checked, "profile"), reconcile.Counted(len(f.Findings), "finding"))
}

// findingsOf renders the profiles on the volume and the invented ones. The data of an invented profile
// are empty: a key that it does not have is no finding, nor what the template itself refuses.
func findingsOf(set *render.Set, onVolume, invented []scan.Profile) *findings {
	found := &findings{SchemaVersion: 1, Checked: len(onVolume) + len(invented), Findings: []finding{}, at: map[string]int{}}
	for i, p := range slices.Concat(onVolume, invented) {
		_, doubtful, err := set.Slot(p)
		for _, f := range doubtful {
			found.add(f, p.Name)
		}
		if err == nil {
			continue
		}
		for _, single := range split(err) {
			if (render.LacksKey(single) || render.IsRefusal(single)) && i >= len(onVolume) && p.Data != nil {
				found.needData = append(found.needData, single.Error())
				continue
			}
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

// add adds the profiles to the finding with the error's text.
func (f *findings) add(err error, profiles ...string) {
	text := err.Error()
	i, known := f.at[text]
	if !known {
		i = len(f.Findings)
		f.at[text] = i
		f.Findings = append(f.Findings, finding{text, []string{}, hint.Of(err)})
	}
	for _, p := range profiles {
		if !slices.Contains(f.Findings[i].Profiles, p) {
			f.Findings[i].Profiles = append(f.Findings[i].Profiles, p)
		}
	}
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

// profilesToCheck returns the profiles on the volume and the invented ones of other names.
func profilesToCheck(s settings, set *render.Set, msg messages) (onVolume, invented []scan.Profile, err error) {
	onVolume, err = profilesOnVolume(s, set, msg)
	if err != nil {
		return nil, nil, err
	}
	invented = slices.DeleteFunc(s.invented(set.Profiles()), func(p scan.Profile) bool {
		return slices.ContainsFunc(onVolume, func(o scan.Profile) bool { return o.Name == p.Name })
	})
	return onVolume, invented, nil
}

// profilesOnVolume returns the profiles on the volume, or none if there is no volume.
func profilesOnVolume(s settings, set *render.Set, msg messages) ([]scan.Profile, error) {
	volume, err := reconcile.OpenVolume(s.Home, s.Layout, s.User, msg.print)
	if errors.Is(err, fs.ErrNotExist) {
		msg.info("no volume at %q: checking invented profiles", s.Home)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer volume.Close()
	if s.Scan.Autostart == scan.None {
		s.Scan.Autostart = scan.Recorded // with the policy none no profile would be rendered
	}
	list := volume.Scan(s.Scan)
	if list.Err != nil {
		return nil, msg.failed(list.Err)
	}
	var profiles []scan.Profile
	for _, e := range list.Entries {
		if e.Verdict == scan.Publish {
			profiles = append(profiles, e.Profile)
		}
	}
	for _, name := range set.Profiles() {
		if _, found := list.Find(name); !found && list.Complete && s.Layout.CheckName(name) == "" {
			msg.warn("no profile %q on the volume: nothing uses its templates", name)
		}
	}
	return profiles, nil
}

// invented returns the default profile, a profile with the longest name, a profile with
// every optional field set, and one for each profile with overrides of its own.
func (s settings) invented(overridden []string) []scan.Profile {
	profile := func(name string) scan.Profile {
		p := s.Scan.Base
		p.Home, p.Name, p.Service, p.Dir = defaultHome, name, s.Layout.Service(name), path.Join(defaultHome, s.Layout.Profiles, name)
		p.PriorExit = scan.ExitUnknown
		if s.Layout.Data != "" {
			p.Data = map[string]any{}
		}
		return p
	}
	long, full := profile(strings.Repeat("a", s.Layout.MaxName())), profile("full")
	full.Start, full.PriorState, full.PriorExit = true, scan.Running, "clean"
	full.User, full.Env = defaultUser, append(slices.Clone(s.Scan.Base.Env), scan.EnvVar{Name: "NAME", Value: "it's\na \"value\""})
	profiles := []scan.Profile{long, full}
	if s.Layout.DefaultProfile {
		first := profile(scan.DefaultName)
		first.Default, first.Dir = true, defaultHome
		profiles = slices.Insert(profiles, 0, first)
	}
	for _, name := range overridden {
		isNamed := func(p scan.Profile) bool { return p.Name == name }
		if s.Layout.CheckName(name) == "" && !slices.ContainsFunc(profiles, isNamed) {
			profiles = append(profiles, profile(name))
		}
	}
	return profiles
}
