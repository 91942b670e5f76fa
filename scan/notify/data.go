package notify

import (
	"fmt"

	"golang.org/x/sys/unix"

	"slotgen/scan"
)

// lookAtData compares the data files of the profiles with the previous look, and watches the
// directories that they are in. It looks at the files alone: only a pass reads them.
func (w *watcher) lookAtData(v *scan.Volume, p *scan.Profiles) {
	if w.Layout.Data == "" {
		return
	}
	previous := w.data
	w.data = map[string]string{}
	look := func(name string, fd int) {
		w.watch(fd, w.Layout.Data, "..data") // a ConfigMap changes by a new link ..data
		stamp := dataStamp(p, fd, w.Layout.Data)
		w.data[name] = stamp
		if before, known := previous[name]; known && before != stamp {
			w.pending.add(name, true)
		}
	}
	if w.Layout.DefaultProfile {
		look(scan.DefaultName, v.FD())
	}
	for name, e := range w.entries {
		if e.verdict != scan.Publish {
			continue
		}
		if fd, err := p.EntryFD(name); err == nil {
			look(name, fd)
			unix.Close(fd)
		}
	}
}

// dataStamp returns a text that changes when the file is made, removed, replaced or written, or when
// the user may read it no more.
func dataStamp(p *scan.Profiles, fd int, name string) string {
	st, err := p.StatIn(fd, name)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Mtim, st.Ctim)
}
