package testenv

import (
	"os"
	"testing"
)

// MemDir makes an empty directory on a tmpfs. Syncing a file takes no time there, so a test
// can write many files. Without /dev/shm it makes the directory elsewhere.
func MemDir(t testing.TB) string {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "slotgen-test-") //nolint:usetesting // TempDir need not be on a tmpfs
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}
