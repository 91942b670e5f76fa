// Package harness helps the tests of the whole program. It builds slotgen, and it starts
// containers with a real s6 in namespaces.
package harness

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"slotgen/internal/cli"
)

// ExitOK, ExitIncomplete and ExitUsage are the exit codes (docs/design.md, "Exit codes").
const (
	ExitOK         = 0
	ExitIncomplete = 1
	ExitUsage      = 2
)

// Main runs the tests of a package below internal/e2e, in the top directory of the checkout.
// The test binary also serves as the programs slotgen and lines.
func Main(m *testing.M) {
	testscript.Main(runner{m}, map[string]func(){"slotgen": slotgenMain, "lines": linesMain})
}

// runner runs the tests, then removes the binaries that they built.
type runner struct{ *testing.M }

// Run runs the tests and returns their exit code.
func (r runner) Run() int {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	defer removeBuild()
	return r.M.Run()
}

func slotgenMain() { os.Exit(cli.Run(os.Args, os.Stdout, os.Stderr)) }
