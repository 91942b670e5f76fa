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

// volumeState is the volume at the last look.
type volumeState struct {
	// top is the identity of profiles/ itself, or the error of reading it.
	top     string
	entries map[string]entryState
}

// entryState is an entry of profiles/ at the last look.
type entryState struct {
	verdict scan.Verdict
	why     string
	// stamp is the stamp of a profile's directory. While it is the same the entry has not
	// changed. It is zero for an entry that every look has to judge.
	stamp stamp
	// polled is set for a link that is no profile: its target may come without an event.
	polled bool
}

// stamp changes when the directory is replaced or a name in it is made or removed.
type stamp struct {
	dev, ino uint64
	mtime    unix.Timespec
}

func stampOf(st unix.Stat_t) stamp { return stamp{dev: st.Dev, ino: st.Ino, mtime: st.Mtim} }

// look looks at everything that the events have marked as dirty.
func (w *watcher) look() {
	all, tree := w.dirtyAll || len(w.dirty) > maxNames, w.dirtyTree
	names := w.dirty
	w.dirtyAll, w.dirtyTree, w.dirty, w.firstEvent = false, false, map[string]bool{}, time.Time{}
	switch {
	case all:
		w.lookAtVolume(nil)
	case len(names) > 0:
		w.lookAtVolume(names)
	}
	for name := range names {
		// The watcher may have missed an entry that a pass has seen.
		if _, known := w.volume.entries[name]; !known {
			w.pending.add(name, false)
		}
	}
	if tree {
		w.lookAtTree()
	}
}

// lookAtLinks looks at the links that are no profiles. It schedules the next look if there
// are any left.
func (w *watcher) lookAtLinks() {
	start, names := time.Now(), map[string]bool{}
	for name, state := range w.volume.entries {
		if state.polled {
			names[name] = true
		}
	}
	w.links = nil
	w.lookAtVolume(names)
	if w.links != nil {
		w.links = time.After(max(linkInterval, busyShare*time.Since(start)))
	}
}

// lookAtEverything makes the slow look and schedules the next one.
func (w *watcher) lookAtEverything() {
	start := time.Now()
	w.lookAtVolume(nil)
	w.lookAtTree()
	w.interval.Reset(max(w.Interval, busyShare*time.Since(start)))
}

// lookAtVolume looks at the entries with these names, or at all entries for nil.
func (w *watcher) lookAtVolume(names map[string]bool) {
	v, err := scan.Open(w.Home, w.User)
	if err != nil {
		w.setTop(err.Error())
		return
	}
	defer v.Close()
	// inotify asks for the user's permission to read, too.
	err = v.AsUser(func() error {
		w.lookAsUser(v, names)
		return nil
	})
	if err != nil {
		w.setTop(err.Error())
	}
}

func (w *watcher) lookAsUser(v *scan.Volume, names map[string]bool) {
	w.watch(use{kind: home}, v.TopFD)
	p, err := v.Profiles()
	if err != nil {
		w.notify.endUse(use{kind: profiles})
		w.setTop(err.Error())
		return
	}
	defer p.Close()
	// The watch comes before the listing: later entries cause events.
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

// setTop records the identity or error of profiles/. When it changes, everything may have
// changed.
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
	exists := make(map[string]bool, len(names))
	for _, name := range names {
		exists[name] = true
		w.lookAtEntry(p, name)
	}
	for name := range w.volume.entries {
		if !exists[name] {
			w.entryGone(name)
		}
	}
}

// lookAtEntry judges one entry, and reports a change of the verdict. It costs one system
// call for a profile whose directory has not changed.
func (w *watcher) lookAtEntry(p *scan.Profiles, name string) {
	if strings.HasPrefix(name, ".") {
		return
	}
	st, err := p.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		w.entryGone(name)
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
		// The marker may have come before the watch.
		verdict, why, waits = p.Judge(name)
	}
	if !waits {
		w.notify.endUse(u)
	}
	after := entryState{verdict: verdict, why: why}
	if verdict != scan.Publish && !waits && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		after.polled = true
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

func (w *watcher) entryGone(name string) {
	if _, known := w.volume.entries[name]; !known {
		return
	}
	delete(w.volume.entries, name)
	w.notify.endUse(use{kind: entry, name: name})
	w.pending.add(name, false)
}
