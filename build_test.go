package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	cmd, err := shippedBuild(filepath.Join(slotgenBuild.dir, "slotgen"))
	if err != nil {
		slotgenBuild.err = err
		return
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		slotgenBuild.err = fmt.Errorf("%w\n%s", err, out)
	}
}

// shippedBuild is the build command in README, with the program at another path.
func shippedBuild(program string) (*exec.Cmd, error) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return nil, err
	}
	const begin = "CGO_ENABLED=0 go build"
	_, line, found := strings.Cut(string(readme), "\n"+begin+" ")
	line, _, _ = strings.Cut(line, "\n")
	if !found {
		return nil, fmt.Errorf("README has no build command %q", begin)
	}
	args := strings.Fields(line)
	args[slices.Index(args, "-o")+1] = program
	cmd := exec.Command("go", append([]string{"build"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd, nil
}

// removeBuild removes what slotgenBinary built, if it did. TestMain calls it when all tests are over.
func removeBuild() {
	if slotgenBuild.dir != "" {
		_ = os.RemoveAll(slotgenBuild.dir)
	}
}
