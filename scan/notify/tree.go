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

// maxDepth and maxEntries bound what is looked at of templates. What is beyond them has no
// effect to tell of: a pass refuses it.
const (
	maxDepth   = 8
	maxEntries = 10000
)

// lookAtTree compares the override directory with what it was. A file below
// profiles/NAME/ is that profile's, any other is everybody's.
func (w *watcher) lookAtTree() {
	was := w.tree
	w.tree = map[string]string{}
	seen := map[use]bool{}
	w.watchAbove(seen)
	if root, err := scan.OpenRoot(w.Templates); err == nil {
		w.walk(root, ".", 0, seen)
		root.Close()
	}
	w.notify.leaveTree(seen)
	for file, stamp := range w.tree {
		if was[file] != stamp {
			w.templateChanged(file)
		}
	}
	for file := range was {
		if _, stands := w.tree[file]; !stands {
			w.templateChanged(file)
		}
	}
}

func (w *watcher) templateChanged(file string) {
	own, found := strings.CutPrefix(file, "profiles/")
	name, _, nested := strings.Cut(own, "/")
	if found && nested && scan.CheckName(name) == "" {
		w.pending.add(name, true)
		return
	}
	w.pending.all = true
}

// watchAbove watches for the override directory itself to come, go or be another
// one, from the nearest directory above it that there is.
func (w *watcher) watchAbove(seen map[use]bool) {
	dir := filepath.Clean(w.Templates)
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if info, err := os.Stat(parent); err == nil && info.IsDir() {
			u := use{kind: above, name: filepath.Base(dir)}
			seen[u] = true
			w.watch(u, func() (int, error) { return unix.Open(parent, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
			return
		}
	}
}

// walk notes what stands in a directory, through links that stay inside. Names
// that begin with a dot are passed over, as they are for templates: a ConfigMap's
// are reached by links.
func (w *watcher) walk(root *os.Root, rel string, depth int, seen map[use]bool) {
	f, err := root.OpenFile(rel, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		w.tree[rel] = err.Error()
		return
	}
	defer f.Close()
	u := use{kind: tree, name: rel}
	seen[u] = true
	w.watch(u, func() (int, error) { return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) })
	names, err := fdio.Names(int(f.Fd()))
	if err != nil {
		w.tree[rel] = err.Error()
	}
	for _, name := range names {
		if len(w.tree)+len(seen) > maxEntries {
			return
		}
		if strings.HasPrefix(name, ".") {
			continue
		}
		file := path.Join(rel, name)
		info, err := root.Stat(file)
		switch {
		case err == nil && info.IsDir() && depth < maxDepth:
			w.walk(root, file, depth+1, seen)
		case strings.HasSuffix(name, ".tmpl"):
			w.tree[file] = fileStamp(info, err)
		}
	}
}

// fileStamp changes when the file is another one, is written to, or changes hands.
func fileStamp(info fs.FileInfo, err error) string {
	if err != nil {
		return err.Error()
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Mode, st.Uid, st.Size, st.Mtim, st.Ctim)
}
