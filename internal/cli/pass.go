package cli

import (
	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/scan"
)

// passOptions reads the templates, and returns the options of a pass that the commands share.
func passOptions(c *cli.Context, s settings, role scan.Role, msg messages) (reconcile.Options, error) {
	set, err := readTemplates(s.templates, s.layout)
	if err != nil {
		return reconcile.Options{}, err
	}
	o := s.passOptions(role, msg)
	o.Templates, o.Only = set, c.StringSlice("profile")
	for _, w := range set.Warnings {
		msg.warn("%s", w)
	}
	return o, nil
}

// passOptions returns the options that depend on the settings and the container's role.
func (s settings) passOptions(role scan.Role, msg messages) reconcile.Options {
	return reconcile.Options{
		Home: s.home, Layout: s.layout, Scandir: s.scandir, User: s.user, Scan: s.scanOptions(role), NoGateways: role.NoGateways(),
		Access: s.access, MaxServices: s.maxServices, Proc: s.proc, Tell: msg.print,
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
