package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

// ExportTo writes the embedded templates below dir, each whole and with mode
// 0644, and returns their paths. Without force a file that is there already is an
// fs.ErrExist, and nothing is written.
func ExportTo(dir string, force bool) ([]string, error) {
	l, err := embeddedLayer()
	if err != nil {
		return nil, err
	}
	paths := slices.Sorted(maps.Keys(l))
	for _, slotPath := range paths {
		name := filepath.Join(dir, slotPath+suffix)
		if _, err := os.Lstat(name); !force && err == nil {
			return nil, fmt.Errorf("exporting to %q: %w", name, fs.ErrExist)
		}
	}
	var written []string
	for _, slotPath := range paths {
		name := filepath.Join(dir, slotPath+suffix)
		if err := exportFile(name, []byte(l[slotPath].text), DataMode); err != nil {
			return nil, fmt.Errorf("exporting to %q: %w", name, bare(err))
		}
		written = append(written, name)
	}
	return written, nil
}

func exportFile(name string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return f.CloseAtomicallyReplace()
}
