package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

// notifier watches directories by their descriptors. A path may change its meaning between
// two calls. The notifier keeps the descriptor open as long as it watches the directory: the
// descriptor's number names the directory in events. The zero notifier watches nothing.
//
// Each look says anew what is to be watched: it begins with forgetNames, calls watch for each
// directory, and ends with endUnused.
type notifier struct {
	inotify *fsnotify.Watcher
	events  <-chan fsnotify.Event
	errors  <-chan error
	limit   int
	byID    map[scan.FileID]*place
	byPath  map[string]*place
}

// place is a watched directory.
type place struct {
	id    scan.FileID
	fd    int
	path  string
	names []string // the names whose events matter
}

// everyName stands for all names that do not begin with a dot.
const everyName = ""

func (p *place) matters(name string) bool {
	return slices.Contains(p.names, name) || slices.Contains(p.names, everyName) && !strings.HasPrefix(name, ".")
}

func newNotifier() (*notifier, error) {
	inotify, err := fsnotify.NewWatcher()
	if err != nil {
		return &notifier{}, err
	}
	return &notifier{
		inotify: inotify, events: inotify.Events, errors: inotify.Errors, limit: maxWatches(),
		byID: map[scan.FileID]*place{}, byPath: map[string]*place{},
	}, nil
}

func (n *notifier) close() {
	if n.inotify == nil {
		return
	}
	_ = n.inotify.Close() // its error changes nothing any more
	for _, p := range n.byID {
		unix.Close(p.fd)
	}
}

// watch has the events with these names in an open directory cause a look.
func (w *watcher) watch(fd int, names ...string) {
	if err := w.notify.watch(fd, names); err != nil {
		w.trouble(err)
	}
}

func (n *notifier) watch(fd int, names []string) error {
	if n.inotify == nil {
		return nil
	}
	id, err := scan.FileIDAt(fd, "")
	if err != nil {
		return err
	}
	p := n.byID[id]
	if p == nil {
		if p, err = n.add(id, fd); err != nil {
			return err
		}
	}
	p.names = append(p.names, names...)
	return nil
}

func (n *notifier) add(id scan.FileID, fd int) (*place, error) {
	if len(n.byID) >= n.limit {
		return nil, fmt.Errorf("more than %d directories to be watched", n.limit)
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	p := &place{id: id, fd: own, path: fmt.Sprintf("/proc/self/fd/%d", own)}
	if err := n.inotify.Add(p.path); err != nil {
		return nil, errors.Join(err, unix.Close(own))
	}
	n.byID[id], n.byPath[p.path] = p, p
	return p, nil
}

func (n *notifier) forgetNames() {
	for _, p := range n.byID {
		p.names = nil
	}
}

func (n *notifier) endUnused() {
	for _, p := range n.byID {
		if len(p.names) == 0 {
			n.unwatch(p)
		}
	}
}

func (n *notifier) unwatch(p *place) {
	_ = n.inotify.Remove(p.path) // it fails when a move of the directory has ended the watch
	delete(n.byID, p.id)
	delete(n.byPath, p.path)
	unix.Close(p.fd)
}
