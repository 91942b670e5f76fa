package notify

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// topState is the profiles folder itself at the last look: which directory it is, or the error of
// reading it.
type topState struct {
	id  scan.FileID
	err string
}

// entryState is an entry of the profiles folder at the last look. It is zero for an entry of which only
// an event is known.
type entryState struct {
	verdict scan.Verdict
	why     string
	// stamp is the stamp of a profile's directory. While it is the same the entry has not
	// changed. It is zero for an entry that every look has to judge.
	stamp stamp
}

// stamp changes when the directory is replaced or a name in it is made or removed.
type stamp struct {
	dev, ino uint64
	mtime    unix.Timespec
}

func stampOf(st unix.Stat_t) stamp { return stamp{dev: st.Dev, ino: st.Ino, mtime: st.Mtim} }

// look looks at everything and schedules the next look.
func (w *watcher) look() {
	start := time.Now()
	w.settle, w.events, w.polls = nil, 0, false
	w.notify.forgetNames()
	w.lookAtVolume()
	w.lookAtTree()
	w.notify.endUnused()
	next := w.Interval
	if w.polls {
		next = min(next, linkInterval)
	}
	w.interval = time.After(max(next, busyShare*time.Since(start)))
}

func (w *watcher) lookAtVolume() {
	v, err := scan.Open(w.Home, w.Layout, w.User, w.Slow)
	if err == nil {
		defer v.Close()
		// inotify asks for the user's permission to read, too.
		err = v.AsUser(func() error { return w.lookAsUser(v) })
	}
	if err != nil {
		w.setTop(topState{err: err.Error()})
	}
}

func (w *watcher) lookAsUser(v *scan.Volume) error {
	w.watch(v.FD(), w.Layout.Profiles)
	p, err := v.Profiles()
	if err != nil {
		return err
	}
	defer p.Close()
	// The watch comes before the listing: later entries cause events.
	w.watch(p.FD(), everyName)
	id, err := scan.FileIDAt(p.FD(), "")
	if err != nil {
		return err
	}
	// Of more entries than a pass looks at the first ones are looked at all the same.
	names, err := p.Names()
	if err == nil {
		w.setTop(topState{id: id})
	}
	exists := make(map[string]bool, len(names))
	for _, name := range names {
		exists[name] = true
		w.lookAtEntry(p, name)
	}
	if err != nil {
		return err
	}
	for name := range w.entries {
		if !exists[name] {
			w.notListed(p, name)
		}
	}
	w.lookAtData(v, p)
	return nil
}

// notListed reports that an entry is gone, unless a plain file of that name caused an event.
func (w *watcher) notListed(p *scan.Profiles, name string) {
	if w.entries[name] == (entryState{}) {
		if _, err := p.Stat(name); err == nil {
			delete(w.entries, name)
			return
		}
	}
	w.entryGone(name)
}

// setTop records the state of the profiles folder. When it changes, everything may have changed.
func (w *watcher) setTop(top topState) {
	if w.top != top {
		w.pending.all = true
	}
	w.top = top
}

// lookAtEntry judges one entry, and reports a change of the verdict. It costs one system
// call for a profile whose directory has not changed.
func (w *watcher) lookAtEntry(p *scan.Profiles, name string) {
	st, err := p.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		w.entryGone(name)
		return
	}
	before := w.entries[name]
	if before.stamp != (stamp{}) && before.stamp == stampOf(st) {
		return
	}
	verdict, why, waits := p.Judge(name)
	if waits {
		w.watchEntry(p, name)
		// The marker may have come before the watch.
		verdict, why, waits = p.Judge(name)
	}
	after := entryState{verdict: verdict, why: why}
	switch kind := st.Mode & unix.S_IFMT; {
	case verdict == scan.Publish && kind == unix.S_IFDIR:
		after.stamp = stampOf(st)
	case verdict != scan.Publish && kind == unix.S_IFLNK && !waits:
		w.polls = true // the target may come without an event
	}
	w.entries[name] = after
	if before.verdict == verdict && before.why == why {
		return
	}
	if verdict != scan.Ignored || w.Layout.IsDefault(name) {
		w.pending.add(name, true)
	}
}

// watchEntry watches an entry for its marker. It ignores an error: if the directory is gone
// there is an event for that, and the slow look covers other errors.
func (w *watcher) watchEntry(p *scan.Profiles, name string) {
	fd, err := p.EntryFD(name)
	if err != nil {
		return
	}
	w.watch(fd, w.Layout.Marker)
	unix.Close(fd)
}

func (w *watcher) entryGone(name string) {
	if _, known := w.entries[name]; !known {
		return
	}
	delete(w.entries, name)
	w.pending.add(name, false)
}
