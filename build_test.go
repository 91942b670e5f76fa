package main

import (
	"encoding/json"
	"errors"
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
	once, oneThread       sync.Once
	dir                   string
	err, oneThreadFailure error
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
	if slotgenBuild.err == nil {
		slotgenBuild.err = goBuild("slotgen")
	}
}

func goBuild(name string, flags ...string) error {
	cmd, err := shippedBuild(filepath.Join(slotgenBuild.dir, name), flags...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// oneThreadBinary returns the path of a slotgen whose main goroutine never changes
// its thread, and that is the same otherwise: strace counts system calls by thread.
func oneThreadBinary(t *testing.T) string {
	t.Helper()
	program := slotgenBinary(t) + "-one-thread"
	slotgenBuild.oneThread.Do(func() { slotgenBuild.oneThreadFailure = buildOneThread(program) })
	if slotgenBuild.oneThreadFailure != nil {
		t.Fatalf("building slotgen: %v", slotgenBuild.oneThreadFailure)
	}
	return program
}

func buildOneThread(program string) error {
	const added = "package main\n\nimport \"runtime\"\n\nfunc init() { runtime.LockOSThread() }\n"
	source, overlay := program+".go", program+".json"
	standsAt, err := filepath.Abs("one_thread.go")
	if err != nil {
		return err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {standsAt: source}})
	if err == nil {
		err = errors.Join(os.WriteFile(source, []byte(added), 0o600), os.WriteFile(overlay, replace, 0o600))
	}
	if err != nil {
		return err
	}
	return goBuild(filepath.Base(program), "-overlay", overlay)
}

// shippedBuild is the build command in README, with the program at another path and
// more flags.
func shippedBuild(program string, flags ...string) (*exec.Cmd, error) {
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
	cmd := exec.Command("go", slices.Concat([]string{"build"}, flags, args)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd, nil
}

// removeBuild removes what slotgenBinary built, if it did. TestMain calls it when all tests are over.
func removeBuild() {
	if slotgenBuild.dir != "" {
		_ = os.RemoveAll(slotgenBuild.dir)
	}
}
