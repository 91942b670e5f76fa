package scandir

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// Bounds of reading a published slot. slotgen publishes no larger one.
const (
	maxFile  = 1 << 20
	maxDepth = 8
	maxNodes = 10000
)

// reader collects the nodes of a published slot.
type reader struct{ nodes []Node }

// readSlot returns the nodes in the open directory of a slot, sorted by path. It does not
// look into supervise/ and event/.
func readSlot(fd int) ([]Node, error) {
	var r reader
	if err := r.open(fd, ""); err != nil {
		return nil, err
	}
	slices.SortFunc(r.nodes, func(a, b Node) int { return strings.Compare(a.path, b.path) })
	return r.nodes, nil
}

// open adds an open file or directory, and everything in that directory.
func (r *reader) open(fd int, p string) error {
	st, err := fdio.StatOpen(fd)
	if err != nil {
		return reading(p, err)
	}
	n := found(p, &st)
	var names []string
	switch n.kind {
	case unix.S_IFREG:
		n.Data, err = content(fd, st.Size)
	case unix.S_IFDIR:
		names, err = fdio.Names(fd)
	}
	r.nodes = append(r.nodes, n)
	if err == nil && (strings.Count(p, "/") > maxDepth || len(r.nodes)+len(names) > maxNodes) {
		err = errors.New("more than a service directory holds")
	}
	if err != nil {
		return reading(p, err)
	}
	for _, name := range names {
		if err := r.entry(fd, name, path.Join(p, name)); err != nil {
			return err
		}
	}
	return nil
}

// entry adds one name of an open directory. It opens the name, which never blocks. It only
// describes links, sockets and the directories of s6.
func (r *reader) entry(dir int, name, p string) error {
	if !isSkeleton(p) {
		fd, err := fdio.Open(dir, name, unix.O_RDONLY)
		if err == nil {
			defer unix.Close(fd)
			return r.open(fd, p)
		}
		if !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENXIO) {
			return reading(p, err)
		}
	}
	st, err := fdio.Stat(dir, name, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return reading(p, err)
	}
	r.nodes = append(r.nodes, found(p, &st))
	return nil
}

func reading(path string, err error) error {
	return fmt.Errorf("reading %q: %w", cmp.Or(path, "."), err)
}

// content returns the bytes of an open file.
func content(fd int, size int64) ([]byte, error) {
	data, err := fdio.ReadSized(fd, size, maxFile)
	if errors.Is(err, fdio.ErrTooLarge) {
		err = nil // it differs: no rendered file is as large
	}
	return data, err
}

func found(path string, st *unix.Stat_t) Node {
	return Node{
		path: path, kind: st.Mode & unix.S_IFMT, Mode: st.Mode &^ unix.S_IFMT,
		UID: int(st.Uid), GID: int(st.Gid),
	}
}
