package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"slotgen/render/scandir"
	"slotgen/scan"

	"github.com/urfave/cli/v2"
)

const (
	homeVar           = "HERMES_HOME"
	defaultHome       = "/opt/data"
	defaultScandir    = "/run/service"
	defaultCommandDir = "/command"
	defaultCommand    = "hermes"
	defaultProc       = "/proc"
	defaultTemplates  = "/etc/slotgen/templates"
)

// Categories of flags in help.
const (
	categoryPaths  = "Paths"
	categorySlots  = "Slots"
	categoryChoice = "Selection"
	categoryOutput = "Output"
)

// The formats of --output.
const (
	formatText = "text"
	formatJSON = "json"
)

// The words of --color.
const (
	colourAuto   = "auto"
	colourAlways = "always"
	colourNever  = "never"
)

func homeFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "home", EnvVars: []string{homeVar}, Category: categoryPaths, DefaultText: defaultHome,
		Usage: "the volume's root, `DIR`",
	}
}

func scandirFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "scandir", EnvVars: []string{"S6_PROFILE_GATEWAY_SCANDIR"}, Category: categoryPaths, DefaultText: defaultScandir,
		Usage: "where s6-svscan looks for service directories, `DIR`",
	}
}

func autostartFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "autostart", EnvVars: []string{"SLOTGEN_AUTOSTART"}, Category: categoryChoice,
		DefaultText: string(scan.Auto),
		Usage:       "which gateways start: `POLICY` is recorded, multiplex, none or auto",
	}
}

func maxServicesFlag() cli.Flag {
	return &cli.IntFlag{
		Name: "max-services", EnvVars: []string{"SLOTGEN_MAX_SERVICES"}, Category: categorySlots,
		DefaultText: strconv.Itoa(defaultMaxServices),
		Usage:       "s6-svscan takes `N` services, loggers counted",
	}
}

// profileFlag limits a command to the profiles that are named.
func profileFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: "profile", Category: categoryChoice, KeepSpace: true, Usage: usage}
}

func pruneFlag(usage string) cli.Flag {
	return &cli.BoolFlag{Name: "prune", Category: categorySlots, Usage: usage}
}

// procFlag is for tests.
func procFlag() cli.Flag {
	return &cli.StringFlag{Name: "proc", Hidden: true, DefaultText: defaultProc}
}

func colourFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "color", Category: categoryOutput, DefaultText: colourAuto,
		Usage: "colour the output: `WHEN` is auto, always or never; auto goes by FORCE_COLOR, CLICOLOR_FORCE, NO_COLOR, TERM",
	}
}

// passFlags are the flags of every command that looks at a whole volume.
func passFlags() []cli.Flag {
	return []cli.Flag{
		homeFlag(), scandirFlag(), autostartFlag(), maxServicesFlag(), procFlag(),
		&cli.StringFlag{
			Name: "output", Aliases: []string{"o"}, Category: categoryOutput, DefaultText: formatText,
			Usage: "print in `FORMAT`, text or json",
		},
	}
}

func templatesFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "templates", EnvVars: []string{"SLOTGEN_TEMPLATES"}, Category: categoryPaths,
		DefaultText: defaultTemplates + " when it exists",
		Usage:       "templates in `DIR` go before the embedded ones",
	}
}

// slotFlags are the flags that decide what a slot holds, and whose it is.
func slotFlags() []cli.Flag {
	return append(contextFlags(), &cli.StringFlag{
		Name: "supervise-access", EnvVars: []string{"SLOTGEN_SUPERVISE_ACCESS"}, Category: categorySlots,
		DefaultText: string(scandir.AccessGroup),
		Usage:       "who may control the services: `FORM` is group, events, owner or root",
	})
}

// contextFlags are the flags that decide what the templates make.
func contextFlags() []cli.Flag {
	return []cli.Flag{
		templatesFlag(),
		&cli.StringFlag{
			Name: "user", EnvVars: []string{"SLOTGEN_USER"}, Category: categorySlots, DefaultText: defaultUser,
			Usage: "run the gateways as `USER`, a name or UID:GID",
		},
		&cli.StringSliceFlag{
			Name: "env", Category: categorySlots, KeepSpace: true,
			Usage: "export `NAME=VALUE` to the gateways; repeatable, world-readable, so not for secrets",
		},
		&cli.StringFlag{
			Name: "command-dir", EnvVars: []string{"SLOTGEN_COMMAND_DIR"}, Category: categorySlots, DefaultText: defaultCommandDir,
			Usage: "the programs of s6 and execline are in `DIR`",
		},
		&cli.StringFlag{
			Name: "command", EnvVars: []string{"SLOTGEN_COMMAND"}, Category: categorySlots, DefaultText: defaultCommand,
			Usage: "the gateway's `PROGRAM`",
		},
	}
}

// settings is the configuration of a command, checked. An empty flag or variable
// counts as unset.
type settings struct {
	home      string
	scandir   string
	proc      string
	json      bool
	templates string
	access    scandir.Access
	autostart scan.Policy
	base      scan.Profile

	maxServices int
}

func readSettings(c *cli.Context, msg messages) (settings, error) {
	s := settings{
		home:    cmp.Or(c.String("home"), defaultHome),
		scandir: cmp.Or(c.String("scandir"), defaultScandir),
		proc:    cmp.Or(c.String("proc"), defaultProc),

		templates: c.String("templates"),
	}
	abs, err := filepath.Abs(s.scandir)
	if err != nil {
		return s, fmt.Errorf("resolving scandir %q: %w", s.scandir, err)
	}
	s.scandir = abs
	if s.access, err = scandir.ParseAccess(cmp.Or(c.String("supervise-access"), string(scandir.AccessGroup))); err != nil {
		return s, fmt.Errorf("--supervise-access: %w", err)
	}
	if s.autostart, err = scan.ParsePolicy(cmp.Or(c.String("autostart"), string(scan.Auto))); err != nil {
		return s, fmt.Errorf("--autostart: %w", err)
	}
	if s.maxServices = defaultMaxServices; c.IsSet("max-services") {
		s.maxServices = c.Int("max-services")
	}
	if s.maxServices < 1 {
		return s, fmt.Errorf("--max-services %d: less than one service", s.maxServices)
	}
	if s.json, err = parseFormat(cmp.Or(c.String("output"), formatText)); err != nil {
		return s, err
	}
	if s.base.Env, err = parseEnv(c.StringSlice("env")); err != nil {
		return s, err
	}
	if s.base.CommandDir, err = parseCommandDir(cmp.Or(c.String("command-dir"), defaultCommandDir)); err != nil {
		return s, err
	}
	s.base.Command = cmp.Or(c.String("command"), defaultCommand)
	user, err := lookupUser(cmp.Or(c.String("user"), defaultUser), msg)
	if err != nil {
		return s, err
	}
	s.base.User, s.base.UID, s.base.GID = user.name, user.uid, user.gid
	return s, nil
}

func parseFormat(name string) (asJSON bool, err error) {
	if name != formatText && name != formatJSON {
		return false, fmt.Errorf("--output: %q is neither text nor json", name)
	}
	return name == formatJSON, nil
}

// scanOptions are the settings and variables that a scan depends on.
func (s settings) scanOptions(role scan.Role) scan.Options {
	return scan.Options{
		Base: s.base, Autostart: s.autostart, Multiplex: os.Getenv(scan.MultiplexVar),
		Legacy: role.Legacy(os.Getenv(scan.NoSuperviseVar)),
	}
}

func parseEnv(words []string) ([]scan.EnvVar, error) {
	var env []scan.EnvVar
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		switch {
		case !found:
			return nil, withHint(fmt.Errorf("--env %q: no = in it", word), "give it as NAME=VALUE")
		case !isVariable(name):
			return nil, fmt.Errorf("--env %q: %q is not the name of a variable", word, name)
		case name == homeVar:
			return nil, withHint(errors.New("--env HERMES_HOME: a gateway's home is the home that was scanned"), "use --home")
		}
		env = append(env, scan.EnvVar{Name: name, Value: value})
	}
	return env, nil
}

// isVariable tells whether name is one of a variable: [A-Za-z_][A-Za-z0-9_]*.
func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c|' ' < 'a' || c|' ' > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// parseCommandDir refuses what can't stand in the #! line of a script.
func parseCommandDir(dir string) (string, error) {
	if !filepath.IsAbs(dir) || strings.ContainsAny(dir, " \t\r\n") || len(dir) > 100 {
		return "", fmt.Errorf("--command-dir %q: not an absolute path of at most 100 bytes without white space", dir)
	}
	return filepath.Clean(dir), nil
}
