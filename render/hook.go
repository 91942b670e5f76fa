package render

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"slotgen/templates"
)

// The embedded directories of the scripts for an image and of the s6-rc source definitions.
const (
	hookDir = "hook"
	s6rcDir = hookDir + "/s6-rc"
)

// Hook returns the script of the given kind that wires slotgen into an image. Program is
// slotgen's absolute path in the image.
func Hook(kind, program string) ([]byte, error) {
	return hookFile(hookDir+"/"+kind+suffix, program)
}

// The directory that names the services of the bundle "user". s6-overlay 3.2.3.1 and later
// look beside the source definitions, and only there.
const (
	bundleDir     = "user/contents.d"
	bundlesBeside = "../user-bundles.d/user/contents.d"
)

// WriteS6RC writes the s6-rc source definitions that wire slotgen into an image. It writes
// them below dir and replaces existing files. The entries of the bundle "user" go to
// ../user-bundles.d where the image has that directory. It returns the paths of the files that it
// wrote, also with an error. Run scripts have mode 0755, other files 0644. Program is
// slotgen's absolute path in the image.
func WriteS6RC(dir, program string) ([]string, error) {
	var files []File
	beside, statErr := os.Stat(filepath.Join(dir, bundlesBeside))
	isBeside := statErr == nil && beside.IsDir()
	err := fs.WalkDir(templates.FS, s6rcDir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := hookFile(name, program)
		path := strings.TrimSuffix(strings.TrimPrefix(name, s6rcDir+"/"), suffix)
		if isBeside && strings.HasPrefix(path, bundleDir+"/") {
			path = bundlesBeside + strings.TrimPrefix(path, bundleDir)
		}
		files = append(files, File{Path: path, Mode: fileMode(filepath.Base(path), text), Data: text})
		return err
	})
	if err != nil {
		return nil, err
	}
	return exportFiles(dir, files, true)
}

func hookFile(name, program string) ([]byte, error) {
	text, err := templates.FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(Functions()).Parse(string(text))
	if err != nil {
		return nil, templateError(err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, struct{ Program string }{program}); err != nil {
		return nil, templateError(err)
	}
	return out.Bytes(), nil
}
