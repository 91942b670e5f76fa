package scandir

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
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

// errTaken is the error of a slot whose name belongs to a file or a link.
var errTaken = errors.New("the name is taken by something that is not a directory")

// openSlot opens the directory of a slot. It returns fs.ErrNotExist when the name is free.
func (d *Dir) openSlot(service string) (int, error) {
	fd, err := fdio.Open(d.fd, service, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		err = errTaken
	}
	return fd, err
}

// reader reads a published slot. It knows the wanted nodes, and shares their bytes where a
// file holds the same.
type reader struct {
	want  []node
	nodes []node
}

// readSlot returns the nodes in the open directory of a slot, sorted by path. It does not
// look into supervise/ and event/.
func readSlot(fd int, want []node) ([]node, error) {
	r := reader{want: want, nodes: make([]node, 0, len(want)+4)}
	if err := r.dir(fd, "", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(r.nodes, func(a, b node) int { return strings.Compare(a.path, b.path) })
	return r.nodes, nil
}

// dir adds the open directory at path and its contents.
func (r *reader) dir(fd int, path string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return reading(path, err)
	}
	r.nodes = append(r.nodes, found(path, &st))
	names, err := fdio.Names(fd)
	if err == nil && (depth > maxDepth || len(r.nodes)+len(names) > maxNodes) {
		err = errors.New("more than a service directory holds")
	}
	if err != nil {
		return reading(path, err)
	}
	for _, name := range names {
		if err := r.entry(fd, name, join(path, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func reading(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading %q: %w", cmp.Or(path, "."), err)
}

// entry adds one name. It does not open the directories of s6. It opens every other name,
// which never blocks, and asks the descriptor for its type.
func (r *reader) entry(dirFd int, name, path string, depth int) error {
	if isSkeleton(path) {
		return r.other(dirFd, name, path)
	}
	fd, err := fdio.Open(dirFd, name, unix.O_RDONLY)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return r.other(dirFd, name, path)
	}
	if err != nil {
		return reading(path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return reading(path, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return r.dir(fd, path, depth)
	}
	n := found(path, &st)
	if n.kind == unix.S_IFREG {
		n.data, err = r.content(fd, path, st.Size)
	}
	r.nodes = append(r.nodes, n)
	return reading(path, err)
}

// other adds a name without opening it.
func (r *reader) other(dirFd int, name, path string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dirFd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return reading(path, err)
	}
	r.nodes = append(r.nodes, found(path, &st))
	return nil
}

// content returns the bytes of an open file. Where the file holds the wanted bytes, content
// needs one read and returns the wanted slice. Without this a pass over unchanged slots is a
// fifth slower.
func (r *reader) content(fd int, path string, size int64) ([]byte, error) {
	var buf [2 << 10]byte // larger than most files of a slot
	i := slices.IndexFunc(r.want, func(n node) bool { return n.path == path })
	if i >= 0 && size < int64(len(buf)) {
		n, err := unix.Pread(fd, buf[:], 0)
		if err == nil && n < len(buf) && bytes.Equal(buf[:n], r.want[i].data) {
			return r.want[i].data, nil
		}
	}
	data, err := fdio.Read(fd, nil, maxFile)
	if errors.Is(err, fdio.ErrTooLarge) {
		err = nil // it differs: no rendered file is as large
	}
	return data, err
}

func found(path string, st *unix.Stat_t) node {
	return node{
		path: path, kind: st.Mode & unix.S_IFMT, mode: st.Mode &^ unix.S_IFMT,
		uid: int(st.Uid), gid: int(st.Gid),
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
