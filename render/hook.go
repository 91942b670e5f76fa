package render

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"slotgen/templates"
)

// Hook returns the script of the given kind that wires slotgen into an image. Program is
// slotgen's absolute path in the image.
func Hook(kind, program string) ([]byte, error) {
	return hookFile("hook/"+kind+suffix, program)
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
// ../user-bundles.d where the image has that directory, and no directory user below dir. It returns
// the paths of the files that it wrote, also with an error. Run and finish scripts have mode 0755,
// other files 0644. Program is slotgen's absolute path in the image.
func WriteS6RC(dir, program string) ([]string, error) {
	files, err := hookFiles("hook/s6-rc", "", program)
	if err != nil {
		return nil, err
	}
	watch, err := hookFiles("hook/watch", "slotgen-watch/", program)
	if err != nil {
		return nil, err
	}
	files = append(files, watch...)
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
	files, err := hookFiles("hook/watch", "", program)
	if err != nil {
		return nil, err
	}
	return exportFiles(dir, files, true)
}

// hookFiles renders the embedded files below top. Their paths begin with below.
func hookFiles(top, below, program string) ([]File, error) {
	var files []File
	err := fs.WalkDir(templates.FS, top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := hookFile(name, program)
		slotPath := below + strings.TrimSuffix(strings.TrimPrefix(name, top+"/"), suffix)
		files = append(files, File{Path: slotPath, Mode: fileMode(path.Base(slotPath), text), Data: text})
		return err
	})
	return files, err
}

func hookFile(name, program string) ([]byte, error) {
	t, err := template.New(path.Base(name)).Funcs(Functions()).ParseFS(templates.FS, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ Program string }{program})
	return out.Bytes(), err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
