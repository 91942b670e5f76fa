package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"slotgen/render"
	"slotgen/scan"
)

// loadTemplates reads the templates and prints their warnings.
func loadTemplates(flag string, layout scan.Layout, msg messages) (*render.Set, error) {
	set, err := readTemplates(flag, layout)
	if err != nil {
		return nil, err
	}
	msg.warnAll(set.Warnings)
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
