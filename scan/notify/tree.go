package notify

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/scan"
)

// maxDepth and maxEntries bound the look at the templates. A pass refuses the templates
// beyond them, so their changes have no effect.
const (
	maxDepth   = 8
	maxEntries = 10000
)

// lookAtTree compares the override directory with the previous look. A file below
// profiles/NAME/ concerns that profile; any other file concerns all profiles.
func (w *watcher) lookAtTree() {
	previous := w.tree
	w.tree = map[string]string{}
	w.watchAbove()
	if root, err := scan.OpenRoot(w.Templates); err == nil {
		left := maxEntries
		w.walk(root, ".", 0, &left)
		root.Close()
	}
	for _, files := range []map[string]string{previous, w.tree} {
		for file := range files {
			if previous[file] != w.tree[file] {
				w.templateChanged(file)
			}
		}
	}
}

func (w *watcher) templateChanged(file string) {
	own, found := strings.CutPrefix(file, "profiles/")
	name, _, nested := strings.Cut(own, "/")
	if found && nested && w.Layout.CheckName(name) == "" {
		w.pending.add(name, true)
		return
	}
	w.pending.all = true
}

// watchAbove watches the nearest existing directory above the override directory. Its events
// show that the override directory is made, removed or replaced.
func (w *watcher) watchAbove() {
	dir := filepath.Clean(w.Templates)
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		fd, err := unix.Open(parent, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		w.watch(fd, filepath.Base(dir))
		unix.Close(fd)
		return
	}
}

// walk records the templates in a directory, through links that stay inside. Like a pass, it
// skips names that begin with a dot. It reaches the files of a ConfigMap through links, which
// the kubelet changes by a new ..data. It records at most left files.
func (w *watcher) walk(root *os.Root, rel string, depth int, left *int) {
	f, err := root.OpenFile(rel, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		w.tree[rel] = err.Error()
		return
	}
	defer f.Close()
	w.watch(int(f.Fd()), everyName, "..data")
	names, err := fdio.Names(int(f.Fd()))
	if err != nil {
		w.tree[rel] = err.Error()
	}
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		if *left--; *left < 0 {
			return
		}
		file := path.Join(rel, name)
		info, err := root.Stat(file)
		switch {
		case err == nil && info.IsDir() && depth < maxDepth:
			w.walk(root, file, depth+1, left)
		case strings.HasSuffix(name, ".tmpl"):
			w.tree[file] = fileStamp(info, err)
		}
	}
}

// fileStamp returns a text that changes when the file is replaced or written, or gets
// another mode or owner.
func fileStamp(info fs.FileInfo, err error) string {
	if err != nil {
		return err.Error()
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(st.Dev, st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Mtim, st.Ctim)
}
