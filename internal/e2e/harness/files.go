package harness

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// ReadText returns what a file holds.
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

// Exists reports whether there is anything of that name.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Inode returns the number that tells a file of the container from others.
func (c *Container) Inode(path string) uint64 {
	c.T.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(c.Path(path), &st); err != nil {
		c.T.Fatal(err)
	}
	return st.Ino
}

// RootsStatus is what is read of the status of a process that root started.
const RootsStatus = "Name:\tsh\nUid:\t0\t0\t0\t0\n"
