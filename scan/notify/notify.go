package notify

import (
	"errors"
	"fmt"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// mostWatches bounds how many directories are watched, and descriptors held: half of
// what the process may have open is for the passes.
func mostWatches() int {
	const most = 500
	var open unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &open) != nil {
		return most
	}
	return int(min(most, open.Cur/2))
}

// use is what a directory is watched for.
type use struct {
	kind kind
	name string // of an entry, a path in the override directory, or its own name
}

type kind int

const (
	home     kind = iota // profiles/ comes or goes
	profiles             // an entry of it does
	entry                // SOUL.md comes into the entry
	tree                 // a template changes
	above                // the override directory comes or goes
)

// notifier watches directories by their descriptors: what a path means may
// change from one call to the next, and no link is to be followed out of the
// home. A descriptor is held as long as the directory is watched, so that its
// number stands for it. A nil notifier watches nothing.
type notifier struct {
	inotify *fsnotify.Watcher
	most    int
	byUse   map[use]*place
	byID    map[scan.FileID]*place
	byPath  map[string]*place
}

// place is one watched directory, which may have several uses.
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
		inotify: inotify, most: mostWatches(),
		byUse: map[use]*place{}, byID: map[scan.FileID]*place{}, byPath: map[string]*place{},
	}, nil
}

func (n *notifier) close() {
	if n == nil {
		return
	}
	_ = n.inotify.Close() // nothing is waited for any more
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

// watch has the notifier watch the directory that open opens. One that can't be
// opened is no trouble: that it is gone is an event by itself, and the slow look comes
// to any other.
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

// watch takes the descriptor over.
func (n *notifier) watch(u use, fd int) error {
	id, err := scan.FileIDAt(fd, "")
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	if p := n.byUse[u]; p != nil && p.id == id {
		return unix.Close(fd)
	}
	n.leave(u)
	if p := n.byID[id]; p != nil {
		p.uses[u], n.byUse[u] = true, p
		return unix.Close(fd)
	}
	p := &place{id: id, fd: fd, path: fmt.Sprintf("/proc/self/fd/%d", fd), uses: map[use]bool{u: true}}
	if len(n.byID) >= n.most {
		return errors.Join(fmt.Errorf("more than %d directories to be watched", n.most), unix.Close(fd))
	}
	if err := n.inotify.Add(p.path); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	n.byUse[u], n.byID[id], n.byPath[p.path] = p, p, p
	return nil
}

// leave ends one use of a directory, and with its last one the watch.
func (n *notifier) leave(u use) {
	if n == nil || n.byUse[u] == nil {
		return
	}
	p := n.byUse[u]
	delete(n.byUse, u)
	delete(p.uses, u)
	if len(p.uses) == 0 {
		n.forget(p)
	}
}

// leaveTree ends the watches for templates that are not among those given.
func (n *notifier) leaveTree(among map[use]bool) {
	if n == nil {
		return
	}
	for u := range n.byUse {
		if (u.kind == tree || u.kind == above) && !among[u] {
			n.leave(u)
		}
	}
}

func (n *notifier) forget(p *place) {
	_ = n.inotify.Remove(p.path) // it ends by itself when the directory is moved
	for u := range p.uses {
		delete(n.byUse, u)
	}
	delete(n.byID, p.id)
	delete(n.byPath, p.path)
	unix.Close(p.fd)
}
