package notify

import (
	"errors"
	"fmt"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// maxWatches returns the largest number of watched directories. Each takes a descriptor, and
// half of the process's descriptors are for the passes.
func maxWatches() int {
	const most = 500
	var open unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &open) != nil {
		return most
	}
	return int(min(most, open.Cur/2))
}

// use is the purpose of a watch.
type use struct {
	kind kind
	name string // an entry, a path in the override directory, or the name that above waits for
}

type kind int

const (
	home     kind = iota // profiles/ is made or removed
	profiles             // an entry of profiles/ is made or removed
	entry                // SOUL.md is made in the entry
	tree                 // a template changes
	above                // the override directory, or a directory on its path, is made or removed
)

// notifier watches directories by their descriptors. A path may change its meaning between
// two calls. The notifier keeps the descriptor open as long as it watches the directory: the
// descriptor's number names the directory in events. A nil notifier watches nothing.
type notifier struct {
	inotify *fsnotify.Watcher
	limit   int
	byUse   map[use]*place
	byID    map[scan.FileID]*place
	byPath  map[string]*place
}

// place is one watched directory. It may have several uses.
type place struct {
	id   scan.FileID
	fd   int
	path string
	uses map[use]bool
}

func newNotifier() (*notifier, error) {
	inotify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &notifier{
		inotify: inotify, limit: maxWatches(),
		byUse: map[use]*place{}, byID: map[scan.FileID]*place{}, byPath: map[string]*place{},
	}, nil
}

func (n *notifier) close() {
	if n == nil {
		return
	}
	_ = n.inotify.Close() // its error changes nothing any more
	for _, p := range n.byID {
		unix.Close(p.fd)
	}
}

func (n *notifier) channels() (<-chan fsnotify.Event, <-chan error) {
	if n == nil {
		return nil, nil
	}
	return n.inotify.Events, n.inotify.Errors
}

// watch makes the notifier watch the directory that open opens. It ignores an error of open:
// if the directory is gone there is an event for that, and the slow look covers other
// errors.
func (w *watcher) watch(u use, open func() (int, error)) {
	if w.notify == nil {
		return
	}
	fd, err := open()
	if err != nil {
		return
	}
	if err := w.notify.watch(u, fd); err != nil {
		w.trouble(err)
	}
}

// watch adds a use for the directory of a descriptor, and takes over the descriptor.
func (n *notifier) watch(u use, fd int) error {
	id, err := scan.FileIDAt(fd, "")
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	if p := n.byUse[u]; p != nil && p.id == id {
		return unix.Close(fd)
	}
	n.endUse(u)
	if p := n.byID[id]; p != nil {
		p.uses[u], n.byUse[u] = true, p
		return unix.Close(fd)
	}
	p := &place{id: id, fd: fd, path: fmt.Sprintf("/proc/self/fd/%d", fd), uses: map[use]bool{u: true}}
	if len(n.byID) >= n.limit {
		return errors.Join(fmt.Errorf("more than %d directories to be watched", n.limit), unix.Close(fd))
	}
	if err := n.inotify.Add(p.path); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	n.byUse[u], n.byID[id], n.byPath[p.path] = p, p, p
	return nil
}

// endUse ends one use of a directory. The last use ends the watch.
func (n *notifier) endUse(u use) {
	if n == nil || n.byUse[u] == nil {
		return
	}
	p := n.byUse[u]
	delete(n.byUse, u)
	delete(p.uses, u)
	if len(p.uses) == 0 {
		n.unwatch(p)
	}
}

// endTreeUses ends all uses for templates except the given ones.
func (n *notifier) endTreeUses(except map[use]bool) {
	if n == nil {
		return
	}
	for u := range n.byUse {
		if (u.kind == tree || u.kind == above) && !except[u] {
			n.endUse(u)
		}
	}
}

// unwatch ends the watch of a directory with all its uses.
func (n *notifier) unwatch(p *place) {
	_ = n.inotify.Remove(p.path) // it fails when a move of the directory has ended the watch
	for u := range p.uses {
		delete(n.byUse, u)
	}
	delete(n.byID, p.id)
	delete(n.byPath, p.path)
	unix.Close(p.fd)
}
