package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"mvdan.cc/sh/v3/syntax"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// settings is the checked configuration of a command. An empty variable counts as unset, and
// so does an empty flag that can't be repeated.
type settings struct {
	reconcile.Options
	json bool
	// templates is the value of --templates.
	templates string
}

func readSettings(c *cli.Context, msg messages) (settings, error) {
	s := settings{
		Options: reconcile.Options{
			Home:    cmp.Or(c.String("home"), defaultHome),
			Scandir: cmp.Or(c.String("scandir"), defaultScandir),
			Proc:    cmp.Or(c.String("proc"), defaultProc),
			Only:    c.StringSlice("profile"),
			Scan:    scan.Options{Multiplex: os.Getenv(scan.MultiplexVar)},
			Tell:    msg.print,
		},
		templates: c.String("templates"),
	}
	var err error
	for _, path := range []*string{&s.Home, &s.Scandir} {
		if *path, err = filepath.Abs(*path); err != nil {
			return s, fmt.Errorf("resolving a relative path: %w", err)
		}
	}
	if s.Access, err = scandir.ParseAccess(cmp.Or(c.String("supervise-access"), string(scandir.AccessGroup))); err != nil {
		return s, fmt.Errorf("%s: %w", origin(c, "supervise-access"), err)
	}
	if s.Scan.Autostart, err = scan.ParsePolicy(cmp.Or(c.String("autostart"), string(scan.Auto))); err != nil {
		return s, fmt.Errorf("%s: %w", origin(c, "autostart"), err)
	}
	if s.Layout, err = readLayout(c); err != nil {
		return s, err
	}
	if err = s.Layout.CheckPolicy(s.Scan.Autostart); err != nil {
		return s, fmt.Errorf("%s %w", origin(c, "autostart"), err)
	}
	if s.MaxServices, err = number(c, "max-services", defaultMaxServices); err != nil {
		return s, err
	}
	if s.MaxServices < 1 {
		return s, fmt.Errorf("%s %d: less than one service", origin(c, "max-services"), s.MaxServices)
	}
	if s.json, err = parseFormat(cmp.Or(c.String("output"), formatText)); err != nil {
		return s, err
	}
	if s.Scan.Base.Env, err = parseEnv(c.StringSlice("env")); err != nil {
		return s, err
	}
	if s.Scan.Base.CommandDir, err = parseCommandDir(cmp.Or(c.String("command-dir"), defaultCommandDir)); err != nil {
		return s, fmt.Errorf("%s %w", origin(c, "command-dir"), err)
	}
	s.Scan.Base.Command = cmp.Or(c.String("command"), defaultCommand)
	a, err := lookupUser(cmp.Or(c.String("user"), defaultUser), msg)
	if err != nil {
		return s, fmt.Errorf("%s %w", origin(c, "user"), err)
	}
	s.Scan.Base.User, s.Scan.Base.UID, s.Scan.Base.GID = a.name, a.uid, a.gid
	s.User = a.credentials()
	return s, nil
}

// origin returns the source of a flag's value: the flag's name or the variable's name.
func origin(c *cli.Context, flag string) string {
	f := docFlag(c.Command.Flags, flag)
	if f == nil || f.GetValue() != fmt.Sprint(c.Value(flag)) {
		return dashed(flag)
	}
	for _, variable := range f.GetEnvVars() {
		if os.Getenv(variable) != "" {
			return variable
		}
	}
	return dashed(flag)
}

// number returns the number in a flag or its variable, or unset if both are empty. cli's
// own integer flags would read the variable before they see --help.
func number(c *cli.Context, flag string, unset int) (int, error) {
	text := c.String(flag)
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q: not a whole number", origin(c, flag), text)
	}
	return n, nil
}

// duration returns the duration in a flag or its variable, or unset if both are empty. A
// duration below least is an error.
func duration(c *cli.Context, flag string, unset, least time.Duration) (time.Duration, error) {
	text := c.String(flag)
	if text == "" {
		return unset, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, withHint(fmt.Errorf("%s %q: not a duration", origin(c, flag), text), "a number and its unit, as in 500ms, 5s or 1m")
	}
	if d < least {
		return 0, fmt.Errorf("%s %s: less than %s", origin(c, flag), d, least)
	}
	return d, nil
}

func parseFormat(name string) (asJSON bool, err error) {
	if name != formatText && name != formatJSON {
		return false, fmt.Errorf("--output: %q: must be text or json", name)
	}
	return name == formatJSON, nil
}

// readRole reads the container's role into the settings (docs/design.md, "Container role"). When
// it can't read the role it warns, and assumes that the container supervises gateways. A layout
// without a default profile has no roles.
func (s *settings) readRole() {
	if !s.Layout.DefaultProfile {
		return
	}
	role, err := scan.ReadRole(s.Proc)
	if err != nil {
		s.Tell(message.Warn("finding the container's role: %s: assuming that it supervises gateways", err))
	}
	s.NoGateways, s.Scan.Legacy = role.NoGateways(), role.Legacy(os.Getenv(scan.NoSuperviseVar))
}

func parseEnv(words []string) ([]scan.EnvVar, error) {
	var env []scan.EnvVar
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		switch {
		case !found:
			return nil, withHint(fmt.Errorf("--env %q: no = in it", word), "give it as NAME=VALUE")
		case !syntax.ValidName(name):
			return nil, fmt.Errorf("--env %q: %q is not the name of a variable", word, name)
		case name == homeVar:
			return nil, withHint(errors.New("--env HERMES_HOME: a gateway's home is the home that was scanned"), "use --home")
		case slices.Contains(setByRun, name):
			return nil, withHint(fmt.Errorf("--env %s: the run script sets it itself", name), "an override of run.tmpl can set another value")
		case strings.HasPrefix(name, "LD_"):
			return nil, withHint(fmt.Errorf("--env %s: the dynamic linker would obey it while the script still runs as root", name),
				`an override of run.tmpl may set it behind that: set -- /usr/bin/env NAME=VALUE "$@"`)
		case slices.Contains(shellVariables, name):
			return nil, fmt.Errorf("--env %s: shells set this variable themselves", name)
		}
		env = append(env, scan.EnvVar{Name: name, Value: value})
	}
	return env, nil
}

// setByRun are the variables that the embedded run script sets.
var setByRun = []string{"HOME", "HERMES_S6_SUPERVISED_CHILD", "HERMES_SUPERVISED_CHILD"}

// shellVariables are variables that some shell uses itself and may refuse to assign. The run
// script would end there if that shell is sh.
var shellVariables = []string{"UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO", "OPTIND", "HISTCMD", "SRANDOM"}

// parseCommandDir returns the cleaned path, or an error for a path that does not fit into
// the #! line of a script.
func parseCommandDir(dir string) (string, error) {
	if !filepath.IsAbs(dir) || strings.ContainsAny(dir, " \t\r\n") || len(dir) > 100 {
		return "", fmt.Errorf("%q: not an absolute path of at most 100 bytes without white space", dir)
	}
	return filepath.Clean(dir), nil
}
