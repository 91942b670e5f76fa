package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"slotgen/render"
	"slotgen/scan"
)

func checkCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "render every profile and hold the result against what s6 takes",
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

// check prints each finding once, with the profiles that it is about.
func check(set *render.Set, profiles []scan.Profile, out *output, msg messages) error {
	var texts []string
	about := map[string][]string{}
	add := func(text, profile string) {
		if about[text] == nil {
			texts = append(texts, text)
		}
		if !slices.Contains(about[text], profile) {
			about[text] = append(about[text], profile)
		}
	}
	for _, p := range profiles {
		_, findings, err := set.Slot(p)
		for _, f := range findings {
			add(f.String(), p.Name)
		}
		if err == nil {
			continue
		}
		for _, single := range parted(errors.Unwrap(err)) {
			add(single.Error(), p.Name)
		}
	}
	for _, o := range set.Origins() {
		if o.Refused == nil {
			continue
		}
		if text := fmt.Sprintf("template %s: %s", o.File, o.Refused); about[text] == nil {
			texts = append(texts, text)
		}
		msg.hint(o.Refused)
	}
	for _, text := range texts {
		if _, err := fmt.Fprintf(out, "%s (%s)\n", printable(text), someProfiles(about[text])); err != nil {
			return err
		}
	}
	msg.line("%s checked, %s", counted(len(profiles), "profile"), counted(len(texts), "finding"))
	if len(texts) > 0 {
		return reportedError{}
	}
	return nil
}

// parted returns the errors that one was joined of. The text of a single one may have
// several lines.
func parted(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, parted(e)...)
	}
	return errs
}

func someProfiles(names []string) string {
	switch {
	case len(names) == 0:
		return "no profile uses it"
	case len(names) > 3:
		return fmt.Sprintf("profile %s and %d more", printable(names[0]), len(names)-1)
	}
	return "profile " + printable(strings.Join(names, ", "))
}

// profilesToCheck are those on the volume or, where there is none, invented ones.
func profilesToCheck(s settings, set *render.Set, msg messages) ([]scan.Profile, error) {
	volume, err := scan.Open(s.home)
	if errors.Is(err, fs.ErrNotExist) {
		msg.line("no volume at %q: checking invented profiles", s.home)
		return invented(s.base, set.Profiles()), nil
	}
	if err != nil {
		return nil, err
	}
	defer volume.Close()
	if s.autostart == scan.None {
		s.autostart = scan.Recorded // here too they are rendered
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
	return profiles, nil
}

// invented returns the default profile, one with the longest name that is down, one
// with every optional field set, and those that have overrides of their own.
func invented(base scan.Profile, overridden []string) []scan.Profile {
	const home = "/opt/data"
	profile := func(name string) scan.Profile {
		p := base
		p.Home, p.Name, p.Service, p.Dir = home, name, scan.ServicePrefix+name, home+"/profiles/"+name
		p.PriorExit = "unknown"
		return p
	}
	first, long, full := profile(scan.DefaultName), profile(strings.Repeat("a", 242)), profile("full")
	first.Default, first.Dir = true, home
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
