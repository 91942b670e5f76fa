package cli

import (
	"errors"
	"io/fs"
	"os"

	"slotgen/render"
)

// loadTemplates reads the templates and prints their warnings.
func loadTemplates(dir string, msg messages) (*render.Set, error) {
	set, err := readTemplates(dir)
	if err != nil {
		return nil, err
	}
	msg.warnAll(set.Warnings)
	return set, nil
}

// readTemplates returns the embedded templates with the overrides of dir. When dir is empty
// it uses the default override directory, if that exists.
func readTemplates(dir string) (*render.Set, error) {
	if dir == "" {
		if _, err := os.Stat(defaultTemplates); errors.Is(err, fs.ErrNotExist) {
			return render.Embedded(), nil
		}
		dir = defaultTemplates
	}
	set, err := render.Load(dir)
	if err != nil {
		return nil, withHint(err, "--templates or SLOTGEN_TEMPLATES names the override directory")
	}
	return set, nil
}
