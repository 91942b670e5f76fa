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

// The embedded directories of the scripts for an image, of the s6-rc source definitions, and of the
// service that runs `slotgen watch`.
const (
	hookDir  = "hook"
	s6rcDir  = hookDir + "/s6-rc"
	watchDir = hookDir + "/watch"
)

// Hook returns the script of the given kind that wires slotgen into an image. Program is
// slotgen's absolute path in the image.
func Hook(kind, program string) ([]byte, error) {
	return hookFile(hookDir+"/"+kind+suffix, program)
}

// The directory that names the services of the bundle "user". s6-overlay 3.2.3.1 and later
// look beside the source definitions, unless these have a bundle "user" themselves.
const (
	bundle        = "user"
	bundleDir     = bundle + "/contents.d"
	bundlesBeside = "../user-bundles.d/user/contents.d"
)

// WriteS6RC writes the s6-rc source definitions that wire slotgen into an image. It writes
// them below dir and replaces existing files. The entries of the bundle "user" go to
// ../user-bundles.d where the image has that directory, and no directory user below dir. It returns the paths of the files that it
// wrote, also with an error. Run and finish scripts have mode 0755, other files 0644. Program is
// slotgen's absolute path in the image.
func WriteS6RC(dir, program string) ([]string, error) {
	files, err := hookFiles(s6rcDir, program)
	if err != nil {
		return nil, err
	}
	watch, err := hookFiles(watchDir, program)
	if err != nil {
		return nil, err
	}
	for _, f := range watch {
		f.Path = "slotgen-watch/" + f.Path
		files = append(files, f)
	}
	if isDir(filepath.Join(dir, bundlesBeside)) && !isDir(filepath.Join(dir, bundle)) {
		for i, f := range files {
			if name, found := strings.CutPrefix(f.Path, bundleDir+"/"); found {
				files[i].Path = bundlesBeside + "/" + name
			}
		}
	}
	return exportFiles(dir, files, true)
}

// WriteWatch writes the service directory of `slotgen watch`. It differs from WriteS6RC in
// nothing else.
func WriteWatch(dir, program string) ([]string, error) {
	files, err := hookFiles(watchDir, program)
	if err != nil {
		return nil, err
	}
	return exportFiles(dir, files, true)
}

// hookFiles renders the embedded files below top.
func hookFiles(top, program string) ([]File, error) {
	var files []File
	err := fs.WalkDir(templates.FS, top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := hookFile(name, program)
		path := strings.TrimSuffix(strings.TrimPrefix(name, top+"/"), suffix)
		files = append(files, File{Path: path, Mode: fileMode(filepath.Base(path), text), Data: text})
		return err
	})
	return files, err
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

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
