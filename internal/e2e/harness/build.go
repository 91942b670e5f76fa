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

// BuildArguments are the arguments with which README builds slotgen, without -o.
var BuildArguments = []string{"build", "-trimpath", "-tags", "urfave_cli_no_docs"}

// Each program is built at most once per test process. removeBuild removes them all.
var (
	buildDir  = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "slotgen-build-") })
	shipped   = sync.OnceValues(func() (string, error) { return goBuild("slotgen") })
	oneThread = sync.OnceValues(buildOneThread)
)

// SlotgenBinary returns the path of the slotgen program, built static like the shipped one.
// Under -short it saves the build: it returns the program that the scripts use, this test binary.
func SlotgenBinary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		return testenv.NeedProgram(t, "slotgen")
	}
	return built(t, shipped)
}

// MainBegins is a path that the OneThreadBinary program looks up before its main starts.
const MainBegins = "/slotgen-main-begins"

// OneThreadBinary returns the path of a slotgen whose main goroutine stays on one thread.
// strace counts system calls by thread. The program does not differ from slotgen otherwise.
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
	target, err := filepath.Abs("one_thread.go")
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {target: source}})
	if err == nil {
		err = errors.Join(os.WriteFile(source, []byte(added), 0o600), os.WriteFile(overlay, replace, 0o600))
	}
	if err != nil {
		return "", err
	}
	return goBuild("slotgen-one-thread", "-overlay", overlay)
}

// removeBuild removes the built programs. Main calls it after all tests.
func removeBuild() {
	if dir, err := buildDir(); err == nil {
		_ = os.RemoveAll(dir)
	}
}
