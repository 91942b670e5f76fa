package render

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"slotgen/scan"
)

// ExportTo writes the embedded templates below dir with mode 0644. It returns the paths of the
// files that it wrote, also with an error.
//
// If a file already exists and force is false, ExportTo writes nothing and returns
// fs.ErrExist.
func ExportTo(dir string, force bool) ([]string, error) {
	var files []File
	for slotPath, o := range embeddedLayer() {
		files = append(files, File{Path: slotPath + suffix, Mode: DataMode, Data: []byte(o.Text)})
	}
	return exportFiles(dir, files, force)
}

// exportFiles writes files below dir, in byte order of their names. It replaces each file
// atomically. It returns the names of the files that it wrote, also with an error.
func exportFiles(dir string, files []File, force bool) ([]string, error) {
	for i := range files {
		files[i].Path = filepath.Join(dir, files[i].Path)
	}
	slices.SortFunc(files, compareFiles)
	for _, f := range files {
		if _, err := os.Lstat(f.Path); !force && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("writing %q: %w", f.Path, cmp.Or(scan.Bare(err), fs.ErrExist))
		}
	}
	var written []string
	for _, f := range files {
		if err := exportFile(f); err != nil {
			return written, fmt.Errorf("writing %q: %w", f.Path, scan.Bare(err))
		}
		written = append(written, f.Path)
	}
	return written, nil
}

// IsTempFileOf reports whether base is the name of a temporary file that renameio makes before
// it renames the file to name: ".NAME" and a random number.
func IsTempFileOf(base, name string) bool {
	const fewestDigits = 10
	number, found := strings.CutPrefix(base, "."+name)
	return found && len(number) >= fewestDigits && strings.Trim(number, "0123456789") == ""
}

// removeTempFiles removes the temporary files that a killed export left for the file name.
func removeTempFiles(name string) error {
	dir, base := filepath.Split(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !IsTempFileOf(e.Name(), base) || !e.Type().IsRegular() {
			continue
		}
		err := os.Remove(filepath.Join(dir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// exportTries bounds the number of exports that may work on one directory at the same time.
const exportTries = 10

// exportFile writes one file atomically. Another export may take the temporary file for a
// leftover and remove it. Each export does so at most once, and exportFile tries again.
func exportFile(f File) error {
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := removeTempFiles(f.Path); err != nil {
		return err
	}
	var err error
	for range exportTries {
		err = renameio.WriteFile(f.Path, f.Data, f.Mode, renameio.WithTempDir(dir), renameio.WithStaticPermissions(f.Mode))
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}
