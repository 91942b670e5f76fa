package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree describes everything below a directory: for each path, one string with its mode, owner,
// type and text. A path that does not exist has "".
type tree map[string]string

// readTree reads the tree below root, without the paths for which leaveOut reports true.
func readTree(t *testing.T, root string, leaveOut func(path string) bool) tree {
	t.Helper()
	all := tree{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel := strings.TrimPrefix(path, root+"/")
		if leaveOut(rel) {
			return nil
		}
		all[rel], err = describe(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func describe(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	what := fmt.Sprintf("%04o %d:%d ", st.Mode&^unix.S_IFMT, st.Uid, st.Gid)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return what + "directory", nil
	case unix.S_IFIFO:
		return what + "fifo", nil
	case unix.S_IFREG:
	default:
		return what + "other", nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrPermission) { // only without root
		return what + "unreadable file", nil
	}
	return what + "file\n" + withoutTimes(filepath.Base(path), string(text)), err
}

var (
	traceTimestamp = regexp.MustCompile(`"timestamp": \d+`)
	bootLogLine    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} profile=\S+ prior_state=\S+ action=\S+ prior_exit=\S+ change=\w+ host=\S+( reason=".*")?\n$`)
)

// withoutTimes removes from a file's text the parts that differ between two runs of the same
// program. It empties the boot log, which other rules check.
func withoutTimes(name, text string) string {
	switch {
	case strings.HasPrefix(name, "container-boot.log"), name == ".slotgen.lock":
		return ""
	case name == "gateway_state.json":
		return traceTimestamp.ReplaceAllString(text, `"timestamp": 0`)
	}
	return text
}

// below returns the part of the tree at and below a path. The path itself becomes "".
func (all tree) below(top string) tree {
	part := tree{}
	for path, what := range all {
		if rest, found := strings.CutPrefix(path, top); found && (rest == "" || rest[0] == '/') {
			part[rest] = what
		}
	}
	return part
}

// paths returns the set of the paths in several trees.
func paths(all ...tree) map[string]bool {
	set := map[string]bool{}
	for _, one := range all {
		for path := range one {
			set[path] = true
		}
	}
	return set
}

// copyTree copies a directory with modes, owners and FIFOs. So each run finds the same files at the
// same paths.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		return copyNode(path, to+strings.TrimPrefix(path, from), &st)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyNode(from, to string, st *unix.Stat_t) error {
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = os.Mkdir(to, 0o700)
	case unix.S_IFIFO:
		err = unix.Mkfifo(to, 0o600)
	default:
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
	}
	if err == nil {
		err = os.Lchown(to, int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = unix.Chmod(to, st.Mode&^unix.S_IFMT)
	}
	return err
}

// changes lists the differences between two trees, one line for each path.
func (all tree) changes(got tree) string {
	var lines []string
	for path := range paths(all, got) {
		if all[path] != got[path] {
			lines = append(lines, fmt.Sprintf("\t%q: want %.60q, got %.60q", path, all[path], got[path]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (all tree) equal(other tree) bool { return maps.Equal(all, other) }
