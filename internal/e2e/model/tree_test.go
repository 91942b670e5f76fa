package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// These are the kinds of a node.
const (
	aFile      = "file"
	aDirectory = "directory"
	aLink      = "link"
	aFIFO      = "fifo"
)

// node is one file, directory, link or FIFO.
type node struct {
	kind     string
	mode     uint32
	uid, gid int
	// text is the content of a file or the target of a link.
	text string
	// stamp changes with every write to the node.
	stamp stamp
}

// stamp holds what the kernel changes when somebody replaces a node or writes to it.
type stamp struct {
	inode        uint64
	mtime, ctime unix.Timespec
}

// sameAs reports whether two nodes are equal except for their stamps.
func (n node) sameAs(other node) bool {
	n.stamp, other.stamp = stamp{}, stamp{}
	return n == other
}

func (n node) String() string {
	return fmt.Sprintf("%s %04o %d:%d %.200s", n.kind, n.mode, n.uid, n.gid, strconv.QuoteToASCII(n.text))
}

// tree holds everything at and below a directory by its path. The directory itself is "". A
// directory that does not exist is an empty tree.
type tree map[string]node

func (t tree) String() string {
	var text strings.Builder
	for _, p := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&text, "\t%+q: %v\n", p, t[p])
	}
	return text.String()
}

// readTree reads the tree at root. Files that the test may not read have no text, and directories
// have no entries.
func readTree(root string) (tree, error) {
	all := tree{}
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p, root), "/")], err = readNode(p)
		return err
	})
	return all, err
}

func readNode(p string) (n node, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return node{}, err
	}
	n = node{
		mode: st.Mode &^ unix.S_IFMT, uid: int(st.Uid), gid: int(st.Gid),
		stamp: stamp{st.Ino, st.Mtim, st.Ctim},
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.kind = aDirectory
	case unix.S_IFIFO:
		n.kind = aFIFO
	case unix.S_IFLNK:
		n.kind = aLink
		n.text, err = os.Readlink(p)
	default:
		n.kind = aFile
		var text []byte
		text, err = os.ReadFile(p)
		if errors.Is(err, fs.ErrPermission) {
			err = nil
		}
		n.text = string(text)
	}
	return n, err
}

// below returns the part of the tree at and below a path.
func (t tree) below(top string) tree {
	part := tree{}
	for p, n := range t {
		if rest, found := strings.CutPrefix(p, top); found && (rest == "" || rest[0] == '/') {
			part[strings.TrimPrefix(rest, "/")] = n
		}
	}
	return part
}

// put replaces everything at and below a path. An empty part removes it.
func (t tree) put(top string, part tree) {
	maps.DeleteFunc(t, func(p string, _ node) bool { return p == top || strings.HasPrefix(p, top+"/") })
	for p, n := range part {
		t[path.Join(top, p)] = n
	}
}

// names returns the names directly in a directory, in byte order.
func (t tree) names(dir string) []string {
	var names []string
	for p := range t {
		if rest, found := strings.CutPrefix(p, dir); found && p != "" {
			if rest = strings.TrimPrefix(rest, "/"); rest != "" && path.Join(dir, rest) == p && !strings.Contains(rest, "/") {
				names = append(names, rest)
			}
		}
	}
	slices.Sort(names)
	return names
}

// maxLinks is the number of links that resolve follows.
const maxLinks = 40

// resolve follows the links in a path and at its end. It returns "", false when they lead nowhere.
func (t tree) resolve(p string) (string, bool) {
	at, left := "", strings.Split(p, "/")
	for links := 0; len(left) > 0; {
		at = path.Join(at, left[0])
		left = left[1:]
		if at == "." || at == ".." {
			at = ""
		}
		n, found := t[at]
		if !found {
			return "", false
		}
		if n.kind != aLink {
			continue
		}
		if links++; links > maxLinks {
			return "", false
		}
		left = append(strings.Split(n.text, "/"), left...)
		at = strings.TrimPrefix(path.Dir("/"+at), "/")
	}
	return at, true
}

// kindAt returns the kind at a path, with links followed, or "" when nothing exists there.
func (t tree) kindAt(p string) string {
	p, found := t.resolve(p)
	if !found {
		return ""
	}
	return t[p].kind
}

// changes lists the differences between two trees, one line for each path.
func (t tree) changes(got tree, differ func(want, have node) bool) string {
	union := maps.Clone(t)
	maps.Copy(union, got)
	var lines []string
	for _, p := range slices.Sorted(maps.Keys(union)) {
		want, wanted := t[p]
		have, found := got[p]
		switch {
		case !wanted:
			lines = append(lines, fmt.Sprintf("\t%q: want nothing, got %v", p, have))
		case !found:
			lines = append(lines, fmt.Sprintf("\t%q: want %v, got nothing", p, want))
		case differ(want, have):
			lines = append(lines, fmt.Sprintf("\t%q: want %v, got %v", p, want, have))
		}
	}
	return strings.Join(lines, "\n")
}

func otherContent(want, have node) bool { return !want.sameAs(have) }

// touched also reports a node that was written and stayed the same.
func touched(want, have node) bool { return want != have }
