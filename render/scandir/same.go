package scandir

import (
	"bytes"
	"path"

	"golang.org/x/sys/unix"
)

// On tmpfs the size of a directory counts its entries, which spares listing it.
const (
	tmpfsEmpty = 40
	tmpfsEntry = 20
)

// counted is a directory, and how many of its entries are wanted and there.
type counted struct {
	path    string
	size    int64
	entries int64
}

// glance looks at a slot without listing it.
type glance struct {
	fd   int
	dirs []counted
	// mayBeHeld is true where a supervise/ holds more than its control: a lock may
	// be among it.
	mayBeHeld bool
}

// isAsWanted tells whether the slot on tmpfs is as wanted. False may also mean that
// this takes a closer look.
func (g *glance) isAsWanted(want []node) bool {
	for i := range want {
		if n := &want[i]; !n.optional && !insideSkeleton(n.path) && !g.holds(n) {
			return false
		}
	}
	if g.holdsNoMore() {
		return true
	}
	for i := range want { // s6 makes what is missing of its own
		if n := &want[i]; n.optional && !g.mayHold(n) {
			return false
		}
	}
	return g.holdsNoMore()
}

func (g *glance) holds(want *node) bool {
	if want.kind == unix.S_IFREG {
		return g.holdsFile(want)
	}
	var st unix.Stat_t
	if g.stat(want.path, &st) != nil {
		return false
	}
	have := found(want.path, &st)
	switch {
	case isSkeleton(want.path):
		g.mayBeHeld = g.mayBeHeld || st.Size > tmpfsEmpty+tmpfsEntry
	case want.kind == unix.S_IFDIR:
		g.dirs = append(g.dirs, counted{path: want.path, size: st.Size})
	}
	g.count(want.path)
	return have.sameAs(want)
}

// mayHold is holds for what need not be there.
func (g *glance) mayHold(want *node) bool {
	var st unix.Stat_t
	if err := g.stat(want.path, &st); err != nil {
		return ignoreMissing(err) == nil
	}
	have := found(want.path, &st)
	g.mayBeHeld = true // s6 was here
	g.count(want.path)
	return have.sameAs(want)
}

func (g *glance) stat(name string, st *unix.Stat_t) error {
	if name == "" {
		return unix.Fstat(g.fd, st)
	}
	return unix.Fstatat(g.fd, name, st, unix.AT_SYMLINK_NOFOLLOW)
}

func (g *glance) holdsFile(want *node) bool {
	if len(want.data) == 0 {
		var st unix.Stat_t
		if g.stat(want.path, &st) != nil {
			return false
		}
		have := found(want.path, &st)
		g.count(want.path)
		return have.sameAs(want) && st.Size == 0
	}
	fd, err := openat(g.fd, want.path, unix.O_RDONLY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	have := found(want.path, &st)
	g.count(want.path)
	return have.sameAs(want) && equalContent(fd, st.Size, want.data)
}

// equalContent tells whether an open file of that size holds data and no more.
func equalContent(fd int, size int64, data []byte) bool {
	if size != int64(len(data)) {
		return false
	}
	var buf [2 << 10]byte // longer than the usual file, so that the first read meets its end
	for at := int64(0); ; at += int64(len(buf)) {
		n, err := unix.Pread(fd, buf[:], at)
		if err != nil || n > len(data) || !bytes.Equal(buf[:n], data[:n]) {
			return false
		}
		if data = data[n:]; n < len(buf) {
			return len(data) == 0
		}
	}
}

// count adds an entry to the directory that it is in, which came before it.
func (g *glance) count(name string) {
	if name == "" {
		return
	}
	dir := path.Dir(name)
	if dir == "." {
		dir = ""
	}
	for i := range g.dirs {
		if g.dirs[i].path == dir {
			g.dirs[i].entries++
		}
	}
}

func (g *glance) holdsNoMore() bool {
	for _, d := range g.dirs {
		if d.size != tmpfsEmpty+tmpfsEntry*d.entries {
			return false
		}
	}
	return true
}
