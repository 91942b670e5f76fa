package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"slotgen/render"
	"slotgen/scan"
)

// view is what the commands status, scan and diff work with. Each method of a command prints
// to out what the command shows.
type view struct {
	settings
	colours palette
	msg     messages
	out     *output
}

func readView(c *cli.Context, out *output, msg messages) (view, error) {
	s, err := readSettings(c, msg)
	if err != nil {
		return view{}, err
	}
	colours, err := newPalette(c.String("color"), out.w)
	if err != nil {
		return view{}, err
	}
	s.readRole()
	return view{settings: s, colours: colours, msg: msg, out: out}, nil
}

// slotPath returns the path of a service's slot. It returns "none" for no service.
func (v view) slotPath(service string) string {
	if service == "" {
		return "none"
	}
	return v.Scandir + "/" + service
}

// loadTemplates reads the templates and prints their warnings.
func loadTemplates(flag string, layout scan.Layout, msg messages) (*render.Set, error) {
	set, err := readTemplates(flag, layout)
	if err != nil {
		return nil, err
	}
	for _, w := range set.Warnings {
		msg.warn("%s", w)
	}
	return set, nil
}

// noOverrides is the value of --templates for the embedded templates alone.
const noOverrides = "none"

// overrideDir returns the override directory, or "" for none. Flag is the value of --templates.
func overrideDir(flag string) string {
	if flag == noOverrides {
		return ""
	}
	return cmp.Or(flag, defaultTemplates)
}

// readTemplates returns the embedded templates with the overrides. Only the default override
// directory may be missing.
func readTemplates(flag string, layout scan.Layout) (*render.Set, error) {
	dir := overrideDir(flag)
	if dir == "" {
		return render.Embedded(), nil
	}
	if _, err := os.Stat(dir); flag == "" && errors.Is(err, fs.ErrNotExist) {
		return render.Embedded(), nil
	}
	set, err := render.Load(dir, layout)
	if err != nil {
		return nil, withHint(err, "--templates or SLOTGEN_TEMPLATES names the override directory; --templates none uses no overrides")
	}
	return set, nil
}
