package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"slotgen/render/scandir"
	"slotgen/scan"
)

const (
	homeVar           = "HERMES_HOME"
	userVar           = "SLOTGEN_USER"
	defaultHome       = "/opt/data"
	defaultScandir    = "/run/service"
	defaultCommandDir = "/command"
	defaultCommand    = "hermes"
	defaultProc       = "/proc"
	defaultTemplates  = "/etc/slotgen/templates"
	// defaultMaxServices is the default limit of s6-svscan, loggers counted.
	defaultMaxServices = 1000
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

// setting returns a flag that has a variable too. The help page shows unset as its default. An
// empty value counts as unset.
func setting(name, variable, unset, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, EnvVars: []string{variable}, DefaultText: unset, Usage: usage}
}

func homeFlag() cli.Flag {
	return setting("home", homeVar, defaultHome, "the volume's root, `DIR`")
}

func scandirFlag() cli.Flag {
	return setting("scandir", "S6_PROFILE_GATEWAY_SCANDIR", defaultScandir,
		"where s6-svscan looks for service directories, `DIR`")
}

func autostartFlag() cli.Flag {
	return setting("autostart", "SLOTGEN_AUTOSTART", string(scan.Auto),
		"which gateways start: `POLICY` is recorded, multiplex, all, none or auto")
}

func maxServicesFlag() cli.Flag {
	return setting("max-services", "SLOTGEN_MAX_SERVICES", strconv.Itoa(defaultMaxServices),
		"s6-svscan takes `N` services, and a logger counts as one")
}

// profileFlag returns the flag that limits a command to the named profiles.
func profileFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: "profile", KeepSpace: true, Usage: usage}
}

// procFlag returns a hidden flag for tests, which replaces /proc.
func procFlag() cli.Flag {
	return &cli.StringFlag{Name: "proc", Hidden: true, DefaultText: defaultProc}
}

func colourFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "color", DefaultText: colourAuto,
		Usage: "colour the output: `WHEN` is auto, always or never; auto goes by FORCE_COLOR, CLICOLOR_FORCE, NO_COLOR, TERM",
	}
}

// passFlags returns the flags of every command that makes or plans passes.
func passFlags() []cli.Flag {
	return append([]cli.Flag{homeFlag(), scandirFlag(), autostartFlag(), maxServicesFlag(), procFlag()}, layoutFlags()...)
}

func outputFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "output", Aliases: []string{"o"}, DefaultText: formatText,
		Usage: "print in `FORMAT`, text or json",
	}
}

func templatesFlag() cli.Flag {
	return setting("templates", "SLOTGEN_TEMPLATES", defaultTemplates+" when it exists",
		"prefer the templates in `DIR` to the embedded ones; none: use only the embedded ones")
}

// slotFlags returns the flags that decide the content of a slot and who may control it.
func slotFlags() []cli.Flag {
	return append(contextFlags(), setting("supervise-access", "SLOTGEN_SUPERVISE_ACCESS", string(scandir.AccessGroup),
		"who may control the services: `FORM` is group, events, owner or root"))
}

// contextFlags returns the flags that decide the content of the rendered files.
func contextFlags() []cli.Flag {
	return []cli.Flag{
		templatesFlag(),
		userFlag(),
		&cli.StringSliceFlag{
			Name: "env", KeepSpace: true,
			Usage: "export `NAME=VALUE` to the gateways; repeatable, world-readable, so not for secrets",
		},
		commandDirFlag(),
		setting("command", "SLOTGEN_COMMAND", defaultCommand, "the gateway's `PROGRAM`"),
	}
}

func userFlag() cli.Flag {
	return setting("user", userVar, defaultUser, "run the gateways as `USER`, a name or UID:GID")
}

func commandDirFlag() cli.Flag {
	return setting("command-dir", "SLOTGEN_COMMAND_DIR", defaultCommandDir, "the programs of s6 and execline are in `DIR`")
}

// docFlag returns the flag of that name with cli's interface for documentation, or nil.
func docFlag(flags []cli.Flag, name string) cli.DocGenerationFlag {
	for _, flag := range flags {
		if f, ok := flag.(cli.DocGenerationFlag); ok && slices.Contains(flag.Names(), name) {
			return f
		}
	}
	return nil
}

// valueWord returns the placeholder of a flag's value, such as "DIR". The flag's usage holds
// it between backticks.
func valueWord(f cli.DocGenerationFlag) string {
	if words := strings.SplitN(f.GetUsage(), "`", 3); len(words) == 3 {
		return words[1]
	}
	return "VALUE"
}

// dashed returns a flag's name with its dashes.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
