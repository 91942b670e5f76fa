// Package harness helps the tests of the whole program: it builds slotgen, and starts
// containers with real s6 in namespaces.
package harness

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"slotgen/internal/cli"
)

// The exit codes (docs/design.md, "Exit codes").
const (
	ExitOK         = 0
	ExitIncomplete = 1
	ExitUsage      = 2
)

// Main runs the tests of a package below internal/e2e at the top of the checkout. The
// test program is also the programs slotgen and lines.
func Main(m *testing.M) {
	testscript.Main(runner{m}, map[string]func(){"slotgen": slotgenMain, "lines": linesMain})
}

// runner removes what the tests built.
type runner struct{ *testing.M }

// Run runs the tests.
func (r runner) Run() int {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	defer removeBuild()
	return r.M.Run()
}

func slotgenMain() { os.Exit(cli.Run(os.Args, os.Stdout, os.Stderr)) }
