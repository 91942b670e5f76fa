package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/scan"
)

// view is what the commands status, scan and diff work with. Each method of a command prints
// to out what the command shows.
type view struct {
	settings
	colours palette
	role    scan.Role
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
	return view{settings: s, colours: colours, role: s.role(msg), msg: msg, out: out}, nil
}

// slotPath returns the path of a service's slot. It returns "none" for no service.
func (v view) slotPath(service string) string {
	if service == "" {
		return "none"
	}
	return v.scandir + "/" + service
}

// passWithTemplates reads the templates, and returns the options of a pass.
func (s settings) passWithTemplates(role scan.Role, msg messages) (reconcile.Options, error) {
	set, err := loadTemplates(s.templates, s.layout, msg)
	if err != nil {
		return reconcile.Options{}, err
	}
	o := s.passOptions(role, msg)
	o.Templates = set
	return o, nil
}

// passOptions returns the options that depend on the settings and the container's role.
func (s settings) passOptions(role scan.Role, msg messages) reconcile.Options {
	return reconcile.Options{
		Home: s.home, Layout: s.layout, Scandir: s.scandir, User: s.user, Scan: s.scanOptions(role), NoGateways: role.NoGateways(),
		Access: s.access, MaxServices: s.maxServices, Proc: s.proc, Only: s.only, Tell: msg.print,
	}
}

// role returns the container's role (docs/design.md, "Container role"). When it can't read the
// role it warns, and assumes that the container supervises gateways. A layout without a default
// profile has no roles.
func (s settings) role(msg messages) scan.Role {
	if !s.layout.DefaultProfile {
		return nil
	}
	role, err := scan.ReadRole(s.proc)
	if err != nil {
		msg.warn("finding the container's role: %s: assuming that it supervises gateways", err)
	}
	return role
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
