package harness

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// ReadText returns the content of a file.
func ReadText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// NamesIn returns the names in a directory, in byte order.
func NamesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Exists reports whether a file of any kind has that path. It follows no link.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Inode returns the inode number of a file in the container.
func (c *Container) Inode(path string) uint64 {
	c.T.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(c.Path(path), &st); err != nil {
		c.T.Fatal(err)
	}
	return st.Ino
}

// RootsStatus is the part of /proc/PID/status that slotgen reads, for a process of root's.
const RootsStatus = "Name:\tsh\nUid:\t0\t0\t0\t0\n"

// UsersDir returns a directory of the user hermes, in memory where there is some, that
// hermes can reach. Root works on a volume as its user, and so needs such a directory.
func UsersDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "slotgen-home-") //nolint:usetesting // t.TempDir is below a directory of mode 0700
	if err != nil {
		dir, err = os.MkdirTemp("/tmp", "slotgen-home-") //nolint:usetesting // as above
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	GiveToUser(t, dir)
	return dir
}

// GiveToUser gives a directory with all that it holds to the user hermes, where root runs
// the test.
func GiveToUser(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, HermesID, HermesID))
	})
	if err != nil {
		t.Fatal(err)
	}
}
