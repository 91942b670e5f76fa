package scandir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds on what is read of a published slot. What is larger can't be ours.
const (
	maxFile  = 1 << 20
	maxDepth = 8
	maxNodes = 10000
)

// errTaken is what keeps a slot from being published: something that is no
// directory has its name.
var errTaken = errors.New("the name is taken by something that is not a directory")

// read returns what stands under the name of a slot, sorted by path, without
// what is inside supervise/ and event/. fs.ErrNotExist says that the name is
// free.
func (d *Dir) read(service string) ([]node, error) {
	fd, err := openat(d.fd, service, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, errTaken
	}
	if err != nil {
		return nil, err
	}
	r := reader{}
	if err := r.dir(fd, "", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(r.nodes, func(a, b node) int { return strings.Compare(a.path, b.path) })
	return r.nodes, nil
}

type reader struct{ nodes []node }

// dir adds the open directory at path and what it holds, and closes it.
func (r *reader) dir(fd int, path string, depth int) error {
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	r.nodes = append(r.nodes, found(path, &st))
	if isSkeleton(path) {
		return nil
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("reading %q: %w", path, bare(err))
	}
	if depth == maxDepth || len(r.nodes)+len(names) > maxNodes {
		return fmt.Errorf("reading %q: more than a service directory holds", path)
	}
	for _, name := range names {
		if err := r.entry(fd, name, join(path, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) entry(dirFd int, name, path string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dirFd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err := openat(dirFd, name, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		return r.dir(fd, path, depth)
	case unix.S_IFREG:
		return r.file(dirFd, name, path)
	}
	r.nodes = append(r.nodes, found(path, &st))
	return nil
}

func (r *reader) file(dirFd int, name, path string) error {
	fd, err := openat(dirFd, name, unix.O_RDONLY)
	if err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	n := found(path, &st)
	if n.kind == unix.S_IFREG {
		// One byte over the bound is kept, so that a larger file equals no rendered one.
		if n.data, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err != nil {
			return fmt.Errorf("reading %q: %w", path, bare(err))
		}
	}
	r.nodes = append(r.nodes, n)
	return nil
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
