package model

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// findings are the differences between a run and the oracle.
type findings struct {
	*rapid.T
	x     situation
	e     expectation
	r     result
	lines []string
}

func (f *findings) add(what, how string) { f.lines = append(f.lines, what+": "+how) }

// equal compares two values.
func (f *findings) equal(what string, want, got any) {
	if want != got {
		f.add(what, fmt.Sprintf("want\n%v\ngot\n%v", want, got))
	}
}

// empty adds differences unless they are empty.
func (f *findings) empty(what, differences string) {
	if differences != "" {
		f.add(what, "\n"+differences)
	}
}

// report fails the case when there are findings, and prints the situation.
func (f *findings) report(what string) {
	f.Helper()
	if len(f.lines) == 0 {
		return
	}
	text := fmt.Sprintf("%s:\n%s\n\nsettings: %v\nlistens %t held %v old %v\nhome before:\n%v\nscandir before:\n%v\n\n%v",
		what, strings.Join(f.lines, "\n"), f.x.settings, f.x.listens, f.x.held, f.x.old,
		f.x.home, f.x.scandir, f.r)
	f.Fatal(strings.ReplaceAll(text, longest, "n{242}"))
}
