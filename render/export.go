package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// ExportTo writes the embedded templates below dir with mode 0644. It returns the paths of the
// files that it wrote, also with an error. It replaces each file atomically.
//
// If a file already exists and force is false, ExportTo writes nothing and returns
// fs.ErrExist. If a directory has the name of a file, ExportTo writes nothing and returns
// EISDIR, with force too.
func ExportTo(dir string, force bool) ([]string, error) {
	l := embeddedLayer()
	paths := slices.Sorted(maps.Keys(l))
	for _, slotPath := range paths {
		name := filepath.Join(dir, slotPath+suffix)
		info, err := os.Lstat(name)
		switch {
		case err == nil && info.IsDir():
			err = unix.EISDIR
		case err == nil && !force:
			err = fs.ErrExist
		case force || errors.Is(err, fs.ErrNotExist):
			continue
		}
		return nil, fmt.Errorf("exporting to %q: %w", name, scan.Bare(err))
	}
	var written []string
	for _, slotPath := range paths {
		name := filepath.Join(dir, slotPath+suffix)
		if err := exportFile(name, []byte(l[slotPath].Text), DataMode); err != nil {
			return written, fmt.Errorf("exporting to %q: %w", name, scan.Bare(err))
		}
		written = append(written, name)
	}
	return written, nil
}

// CheckOut returns an error if dir exists and is not a directory.
func CheckOut(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%q: %w", dir, unix.ENOTDIR)
	}
	return nil
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
func exportFile(name string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := removeTempFiles(name); err != nil {
		return err
	}
	var err error
	for range exportTries {
		if err = replaceFile(name, text, mode); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

func replaceFile(name string, text []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	return nil
}
