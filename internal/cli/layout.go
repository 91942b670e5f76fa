package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"slotgen/scan"
)

// The words of --default-profile.
const (
	wordOn  = "on"
	wordOff = "off"
)

// none is the value of a setting that names no file or directory.
const none = "none"

// layoutFlags returns the flags of every command that reads the volume.
func layoutFlags() []cli.Flag {
	d := scan.DefaultLayout()
	return []cli.Flag{
		setting("profiles", "SLOTGEN_PROFILES", d.Profiles,
			"the folder `NAME` in the home holds the profiles; . is the home itself"),
		setting("marker", "SLOTGEN_MARKER", d.Marker,
			"a directory with the file `NAME` is a profile; none: every directory"),
		prefixFlag(),
		setting("default-profile", "SLOTGEN_DEFAULT_PROFILE", wordOn,
			"the home itself is a profile, called default: `WORD` is on or off; off switches off container role, multiplexing and migration too"),
		setting("state-file", "SLOTGEN_STATE_FILE", d.StateFile,
			"the file `NAME` in a profile records its state; none: there are no states, and auto starts every profile"),
		setting("stale-files", "SLOTGEN_STALE_FILES", strings.Join(d.StaleFiles, ","),
			"remove the files `NAMES`, joined by commas, from a profile that does not run; none: remove nothing"),
		setting("data", "SLOTGEN_DATA", none,
			"templates see the YAML or JSON file `NAME` of a profile as .Data; none: no file"),
	}
}

// isLayoutSetting reports whether the flag of that name sets the layout of the volume.
func isLayoutSetting(name string) bool { return docFlag(layoutFlags(), name) != nil }

func prefixFlag() cli.Flag {
	return setting("prefix", "SLOTGEN_PREFIX", scan.DefaultLayout().Prefix,
		"the slot of a profile is called `PREFIX` and the profile's name")
}

// exampleSlot is the name of a slot on help pages.
func exampleSlot() string { return scan.DefaultLayout().Service("NAME") }

// readLayout returns the checked layout from the flags and variables.
func readLayout(c *cli.Context) (scan.Layout, error) {
	l, err := parseLayout(c.String)
	if err == nil {
		err = l.Check()
	}
	if lerr, ok := errors.AsType[scan.LayoutError](err); ok {
		return l, fmt.Errorf("%s %w", origin(c, lerr.Setting), lerr.Err)
	}
	return l, err
}

// parseLayout returns the layout from the values of the flags. An empty value is unset.
func parseLayout(value func(flag string) string) (scan.Layout, error) {
	l := scan.DefaultLayout()
	l.Profiles = cmp.Or(value("profiles"), l.Profiles)
	l.Prefix = cmp.Or(value("prefix"), l.Prefix)
	l.Marker = pathOrNone(value("marker"), l.Marker)
	l.StateFile = pathOrNone(value("state-file"), l.StateFile)
	l.Data = pathOrNone(value("data"), l.Data)
	switch names := value("stale-files"); names {
	case "":
	case none:
		l.StaleFiles = nil
	default:
		l.StaleFiles = strings.Split(names, ",")
	}
	switch word := cmp.Or(value("default-profile"), wordOn); word {
	case wordOn, wordOff:
		l.DefaultProfile = word == wordOn
	default:
		return l, scan.LayoutError{Setting: "default-profile", Err: fmt.Errorf("%q: must be on or off", word)}
	}
	return l, nil
}

// pathOrNone returns the path that a setting names, or "" for none.
func pathOrNone(value, unset string) string {
	if value == none {
		return ""
	}
	return cmp.Or(value, unset)
}
