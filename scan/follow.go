package scan

import (
	"cmp"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

const (
	// maxLinks and maxSteps bound one path: the links in it, and the names that these lead through.
	maxLinks = 40
	maxSteps = 256
)

// walk is a position on the way along a path.
type walk struct {
	at, begin int    // the directory that the walk has come to, and the one where it began
	rest      string // the names to come
	sums      *sums

	links, steps int
	lastIsLink   bool // the last name of the path itself is a link
}

// follow goes along a path below d, through links wherever they lead, and has last open or describe
// the last name in w.at. Last returns ELOOP or ENOTDIR for a link. The directory w.at is closed when
// follow returns.
//
// It follows links itself. The kernel would follow 40 links of 2,000 names each in one call, and
// on a bind mount each ".." costs it as many steps as the directory is deep.
func (d dir) follow(path string, last func(w *walk, name string) error) (w walk, err error) {
	w = walk{at: d.fd, begin: d.fd, rest: path, sums: d.patience.sums}
	defer func() { w.leave() }()
	for {
		name, more, _ := strings.Cut(strings.TrimLeft(w.rest, "/"), "/")
		name = cmp.Or(name, ".")
		isLast := strings.Trim(more, "/") == ""
		if isLast {
			err = last(&w, name)
		} else if err = w.enter(name, more); err == nil {
			continue
		}
		if !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR) {
			return w, err
		}
		target, lerr := fdio.ReadLink(w.at, name)
		if lerr != nil { // it is no link
			return w, err
		}
		w.lastIsLink = w.lastIsLink || isLast
		if err := w.jump(target, more); err != nil {
			return w, err
		}
	}
}

func (w *walk) leave() {
	if w.at != w.begin {
		unix.Close(w.at)
	}
}

// stat describes the last name. It returns ELOOP for a link.
func (w *walk) stat(name string) (unix.Stat_t, error) {
	st, err := fdio.Stat(w.at, name, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		err = unix.ELOOP
	}
	return st, err
}

// enter goes on in the directory of that name.
func (w *walk) enter(name, rest string) error {
	fd, err := fdio.Open(w.at, name, unix.O_PATH|unix.O_DIRECTORY)
	if err == nil {
		w.leave()
		w.at, w.rest = fd, rest
	}
	return err
}

// jump goes on where a link leads. It refuses the magic links of /proc.
func (w *walk) jump(target, more string) error {
	names := strings.Count(target, "/") + 1
	w.links++
	w.steps += names
	if w.links > maxLinks || w.steps > maxSteps {
		return unix.ELOOP
	}
	if !w.sums.steps.take(min(names, w.steps-freeSteps)) {
		return errTooManySteps
	}
	if strings.HasPrefix(target, "/") {
		if fdio.IsProc(w.at) {
			return unix.ELOOP
		}
		if err := w.enter("/", ""); err != nil {
			return err
		}
	}
	w.rest = target + "/" + more
	w.hurry()
	return nil
}

// hurry goes to the directory of the last name in one call. It does nothing where a link is on the
// way, or where the kernel can't do that.
func (w *walk) hurry() {
	before := strings.LastIndexByte(strings.TrimRight(w.rest, "/"), '/') + 1
	if before == 0 {
		return
	}
	if fd, err := fdio.OpenStraight(w.at, w.rest[:before], unix.O_PATH|unix.O_DIRECTORY); err == nil {
		w.leave()
		w.at, w.rest = fd, w.rest[before:]
	}
}
