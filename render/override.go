package render

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
	"slotgen/scan"
)

// profilesDir is the folder in an override directory that holds the overrides of single profiles.
const profilesDir = "profiles"

// maxTemplate and maxEntries bound the reading of an override directory.
const (
	maxTemplate = 1 << 20
	maxEntries  = 10000
)

// Load returns the embedded templates and the overrides in dir for the profiles of a volume of
// this layout. It returns an error when it can't read the directory. An error in one file fails only the profiles that use that file.
func Load(dir string, layout scan.Layout) (*Set, error) {
	root, err := scan.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the override directory %q: %w", dir, err)
	}
	defer root.Close()
	o := override{set: Embedded(), root: root, dir: dir, layout: layout}
	if err := o.walk("."); err != nil {
		return nil, err
	}
	return o.set, nil
}

var errTooMany = fmt.Errorf("more than %d files; a file counts once for each link to it", maxEntries)

type override struct {
	set    *Set
	root   *os.Root
	dir    string
	layout scan.Layout
	// count is the number of entries so far. Links may lead to a directory many times.
	count int
}

// walk reads a directory. It follows links that stay inside the override directory.
func (o *override) walk(rel string) error {
	var names []string
	f, err := o.root.OpenFile(rel, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err == nil {
		names, err = fdio.Names(int(f.Fd()))
		f.Close()
	}
	if err != nil {
		return fmt.Errorf("reading the override directory %q: %w", filepath.Join(o.dir, rel), scan.Bare(err))
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		if o.count++; o.count > maxEntries {
			return fmt.Errorf("reading the override directory %q: %w", o.dir, errTooMany)
		}
		if err := o.entry(path.Join(rel, name)); err != nil {
			return err
		}
	}
	return nil
}

func (o *override) entry(rel string) error {
	info, err := o.root.Stat(rel)
	named, ofProfile := strings.HasSuffix(rel, suffix), strings.HasPrefix(rel, profilesDir+"/")
	switch {
	case named && err == nil && info.IsDir():
		err = hint.Add(errors.New("a directory, no file"), "some programs make one where the source of a mount is missing")
	case err == nil && info.IsDir():
		if err = o.walk(rel); err == nil || !ofProfile || errors.Is(err, errTooMany) {
			return err
		}
	case named:
	case err == nil:
		o.warn(rel, "is no template: its name does not end in "+suffix)
		return nil
	case !ofProfile && isBadLink(err):
		o.warn(rel, fmt.Sprintf("is ignored: %v", linkError(err)))
		return nil
	}
	o.add(rel, err)
	return nil
}

func (o *override) warn(rel, what string) {
	o.set.Warnings = append(o.set.Warnings, fmt.Sprintf("%q in the override directory %s", filepath.Join(o.dir, rel), what))
}

// add adds one template, or the error for which it is refused. A directory may be refused too.
func (o *override) add(rel string, err error) {
	origin := Origin{Path: strings.TrimSuffix(rel, suffix), File: filepath.Join(o.dir, rel), Refused: linkError(err)}
	l := o.set.common
	own, ofProfile := strings.CutPrefix(origin.Path, profilesDir+"/")
	profile, below, nested := strings.Cut(own, "/")
	if ofProfile && (nested || origin.Path == rel) {
		if o.set.profiles[profile] == nil {
			o.set.profiles[profile] = layer{}
		}
		l = o.set.profiles[profile]
		origin.Profile, origin.Path = profile, cmp.Or(below, ".")
		if wrong := o.layout.CheckName(profile); wrong != "" {
			origin.Refused = fmt.Errorf("no profile can be called %q: %s", profile, wrong)
		}
	}
	if origin.Refused == nil && !origin.isPartial() {
		origin.Refused = checkName(origin.Path, o.layout.Prefix)
	}
	if origin.Refused == nil {
		origin.Text, origin.Refused = o.read(rel)
	}
	l[origin.Path] = origin
}

// read returns a template's text. It refuses a template that an account besides root and
// slotgen's own could have written.
func (o *override) read(rel string) (string, error) {
	if err := o.checkParents(rel); err != nil {
		return "", err
	}
	f, err := o.root.OpenFile(rel, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", linkError(err)
	}
	defer f.Close()
	if err := checkTrusted(f); err != nil {
		return "", err
	}
	text, err := fdio.Read(int(f.Fd()), maxTemplate)
	if errors.Is(err, fdio.ErrTooLarge) {
		err = errors.New("larger than 1 MiB")
	}
	return string(text), err
}

// isBadLink reports whether an error of stat means a link that leads nowhere, or out of the
// override directory.
func isBadLink(err error) bool {
	_, isErrno := errors.AsType[unix.Errno](err)
	return !isErrno || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// linkError describes a bad link in words. os.Root has no errno for a link that leads out.
func linkError(err error) error {
	switch err = scan.Bare(err); {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("link leads nowhere")
	case err.Error() == "path escapes from parent":
		return hint.Add(errors.New("link leads out of the override directory"), "an absolute link counts as leading out: make it relative")
	}
	return err
}
