package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// runLine runs a command line. Before cli looks at one it prepares the help of
// every flag of every command. So the command that each boot runs comes alone, and
// a mere --version does without cli.
func runLine(args []string, out *output, msg messages) error {
	switch {
	case len(args) == 2 && args[1] == "--version":
		_, err := fmt.Fprintf(out, "%s version %s\n", name, version())
		return err
	case len(args) > 1 && args[1] == "reconcile":
		command := reconcileCommand(out, msg)
		if !slices.ContainsFunc(args, asksForHelp) {
			command.Flags = withoutHelp(command.Flags)
		}
		return appWith(out, msg, command).Run(args)
	}
	return newApp(out, msg).Run(args)
}

func asksForHelp(arg string) bool {
	return strings.TrimLeft(arg, "-") == "help" || strings.TrimLeft(arg, "-") == "h"
}

// mutedFlag is a flag as parsing needs it. cli finds a flag's names by a regular
// expression each time it asks for them, and renders the help of one that has a
// category.
type mutedFlag struct {
	cli.Flag
	names []string
}

func (f mutedFlag) Names() []string { return f.names }

// mutedList is the same for a flag that may be repeated, of which cli asks more.
type mutedList struct {
	*cli.StringSliceFlag
	names []string
}

func (f mutedList) Names() []string { return f.names }

func (mutedList) GetCategory() string { return "" }

// withoutHelp mutes flags.
func withoutHelp(flags []cli.Flag) []cli.Flag {
	muted := slices.Clone(flags)
	for i, f := range flags {
		if list, ok := f.(*cli.StringSliceFlag); ok {
			muted[i] = mutedList{list, f.Names()}
		} else {
			muted[i] = mutedFlag{f, f.Names()}
		}
	}
	return muted
}
