package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// slotgenBuild is the program under test, built at most once per test process.
var slotgenBuild struct {
	once sync.Once
	dir  string
	err  error
}

// slotgenBinary returns the path of the slotgen program, static as it is shipped.
// The first call builds it.
func slotgenBinary(t *testing.T) string {
	t.Helper()
	slotgenBuild.once.Do(buildSlotgen)
	if slotgenBuild.err != nil {
		t.Fatalf("building slotgen: %v", slotgenBuild.err)
	}
	return filepath.Join(slotgenBuild.dir, "slotgen")
}

func buildSlotgen() {
	slotgenBuild.dir, slotgenBuild.err = os.MkdirTemp("", "slotgen-build-")
	if slotgenBuild.err != nil {
		return
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(slotgenBuild.dir, "slotgen"), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		slotgenBuild.err = fmt.Errorf("%w\n%s", err, out)
	}
}

// removeBuild removes what slotgenBinary built, if it did. TestMain calls it when all tests are over.
func removeBuild() {
	if slotgenBuild.dir != "" {
		_ = os.RemoveAll(slotgenBuild.dir)
	}
}
