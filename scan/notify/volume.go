package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// volumeState is the volume as it was seen last.
type volumeState struct {
	// top is what profiles/ itself was: an identity, or why it can't be read.
	top     string
	entries map[string]sight
}

// sight is what an entry of profiles/ was.
type sight struct {
	verdict scan.Verdict
	why     string
	// stamp tells a directory that has not changed since, zero for one that is
	// looked into every time.
	stamp stamp
	// waits is set for a link that is no profile: its target may come without an event.
	waits bool
}

// stamp changes when a directory is another one, or names in it come or go.
type stamp struct {
	dev, ino uint64
	mtime    unix.Timespec
}

func stampOf(st unix.Stat_t) stamp { return stamp{dev: st.Dev, ino: st.Ino, mtime: st.Mtim} }

// look looks at what the events were about.
func (w *watcher) look() {
	all, tree := w.dirtyAll || len(w.dirty) > mostNames, w.dirtyTree
	names := w.dirty
	w.dirtyAll, w.dirtyTree, w.dirty, w.first = false, false, map[string]bool{}, time.Time{}
	switch {
	case all:
		w.lookAtVolume(nil)
	case len(names) > 0:
		w.lookAtVolume(names)
	}
	for name := range names {
		// Told even where it was not seen to come: a pass may have seen it.
		if _, known := w.volume.entries[name]; !known {
			w.pending.add(name, false)
		}
	}
	if tree {
		w.lookAtTree()
	}
}

// lookAtLinks looks at the links that are no profiles, and sets the time of the next
// look where there still are any.
func (w *watcher) lookAtLinks() {
	start, names := time.Now(), map[string]bool{}
	for name, sight := range w.volume.entries {
		if sight.waits {
			names[name] = true
		}
	}
	w.links = nil
	w.lookAtVolume(names)
	if w.links != nil {
		w.links = time.After(max(linkInterval, mostBusy*time.Since(start)))
	}
}

// lookAtEverything is the slow look, and sets the time of the next one.
func (w *watcher) lookAtEverything() {
	start := time.Now()
	w.lookAtVolume(nil)
	w.lookAtTree()
	w.interval.Reset(max(w.Interval, mostBusy*time.Since(start)))
}

// lookAtVolume looks at the entries with these names, or at all for nil.
func (w *watcher) lookAtVolume(names map[string]bool) {
	v, err := scan.Open(w.Home)
	if err != nil {
		w.setTop(err.Error())
		return
	}
	defer v.Close()
	w.watch(use{kind: home}, v.TopFD)
	p, err := v.Profiles()
	if err != nil {
		w.notify.leave(use{kind: profiles})
		w.setTop(err.Error())
		return
	}
	defer p.Close()
	// Before its names are read: what comes later is an event then.
	w.watch(use{kind: profiles}, p.FD)
	id, err := identity(p)
	listed := err == nil && (names == nil || id != w.volume.top)
	var all []string
	if listed {
		all, err = p.Names()
	}
	if err != nil {
		w.setTop(err.Error())
		return
	}
	w.setTop(id)
	if !listed {
		for name := range names {
			w.lookAtEntry(p, name)
		}
		return
	}
	w.lookAtEntries(p, all)
}

// setTop notes what profiles/ itself is. When that changes, everything may have.
func (w *watcher) setTop(top string) {
	if w.volume.top != top {
		w.pending.all = true
	}
	w.volume.top = top
}

func identity(p *scan.Profiles) (string, error) {
	st, err := p.Stat(".")
	return fmt.Sprintf("directory %d:%d", st.Dev, st.Ino), err
}

func (w *watcher) lookAtEntries(p *scan.Profiles, names []string) {
	stands := make(map[string]bool, len(names))
	for _, name := range names {
		stands[name] = true
		w.lookAtEntry(p, name)
	}
	for name := range w.volume.entries {
		if !stands[name] {
			w.gone(name)
		}
	}
}

// lookAtEntry costs one system call for a profile whose directory has not changed.
func (w *watcher) lookAtEntry(p *scan.Profiles, name string) {
	if strings.HasPrefix(name, ".") {
		return
	}
	st, err := p.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		w.gone(name)
		return
	}
	before, known := w.volume.entries[name]
	if known && err == nil && before.stamp != (stamp{}) && before.stamp == stampOf(st) {
		return
	}
	verdict, why, waits := p.Judge(name)
	u := use{kind: entry, name: name}
	if waits {
		w.watch(u, func() (int, error) { return p.EntryFD(name) })
		// Asked again: the marker may have come before the watch.
		verdict, why, waits = p.Judge(name)
	}
	if !waits {
		w.notify.leave(u)
	}
	after := sight{verdict: verdict, why: why}
	if verdict != scan.Publish && !waits && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		after.waits = true
		if w.links == nil {
			w.links = time.After(linkInterval)
		}
	}
	if verdict == scan.Publish && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		after.stamp = stampOf(st)
	}
	w.volume.entries[name] = after
	if known && before.verdict == verdict && before.why == why {
		return
	}
	if verdict != scan.Ignored || name == scan.DefaultName {
		w.pending.add(name, true)
	}
}

func (w *watcher) gone(name string) {
	if _, known := w.volume.entries[name]; !known {
		return
	}
	delete(w.volume.entries, name)
	w.notify.leave(use{kind: entry, name: name})
	w.pending.add(name, false)
}
