package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"slotgen/internal/testenv"
)

// BuildArguments are those that README builds slotgen with, beside -o.
var BuildArguments = []string{"build", "-trimpath", "-tags", "urfave_cli_no_docs"}

// What is built is built at most once per test process. removeBuild removes it.
var (
	buildDir  = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "slotgen-build-") })
	shipped   = sync.OnceValues(func() (string, error) { return goBuild("slotgen") })
	oneThread = sync.OnceValues(buildOneThread)
)

// SlotgenBinary returns the path of the slotgen program, static as it is shipped. Under -short, to
// be quick, it is the one of the scripts, which is this test program.
func SlotgenBinary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		return testenv.NeedProgram(t, "slotgen")
	}
	return built(t, shipped)
}

// MainBegins is a path that the binary of oneThreadBinary looks for before main.
const MainBegins = "/slotgen-main-begins"

// OneThreadBinary returns the path of a slotgen whose main goroutine never changes
// its thread, and that is the same otherwise: strace counts system calls by thread.
func OneThreadBinary(t *testing.T) string {
	t.Helper()
	return built(t, oneThread)
}

func built(t *testing.T, build func() (string, error)) string {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatalf("building slotgen: %v", err)
	}
	return program
}

func goBuild(name string, flags ...string) (program string, err error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, name)
	cmd := exec.Command("go", slices.Concat(BuildArguments, flags, []string{"-o", program, "."})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
}

func buildOneThread() (string, error) {
	const added = `package main

import (
	"runtime"
	"syscall"
)

func init() {
	runtime.LockOSThread()
	_ = syscall.Access("` + MainBegins + `", 0)
}
`
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	source, overlay := filepath.Join(dir, "one_thread.go"), filepath.Join(dir, "overlay.json")
	standsAt, err := filepath.Abs("one_thread.go")
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {standsAt: source}})
	if err == nil {
		err = errors.Join(os.WriteFile(source, []byte(added), 0o600), os.WriteFile(overlay, replace, 0o600))
	}
	if err != nil {
		return "", err
	}
	return goBuild("slotgen-one-thread", "-overlay", overlay)
}

// removeBuild removes what was built. TestMain calls it when all tests are over.
func removeBuild() {
	if dir, err := buildDir(); err == nil {
		_ = os.RemoveAll(dir)
	}
}
