package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// profileArgument is the usage of a command whose argument is short for --profile.
const profileArgument = "[PROFILE]"

// noArguments returns an action that refuses positional arguments.
func noArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return unexpected(c, c.Args().First())
		}
		return action(c)
	}
}

// oneProfile returns an action that takes one positional argument as the value of --profile.
func oneProfile(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		switch {
		case c.NArg() == 0:
			return action(c)
		case c.NArg() > 1:
			return unexpected(c, c.Args().Get(1))
		case c.IsSet("profile"):
			return withHint(errors.New("both an argument and --profile name a profile"), "--profile may be given several times")
		}
		if err := c.Set("profile", c.Args().First()); err != nil {
			return err
		}
		return action(c)
	}
}

func unexpected(c *cli.Context, argument string) error {
	return withHint(fmt.Errorf("unexpected argument %q", argument), "run %q for the flags", c.Command.HelpName+" --help")
}

// flagsFirst returns the words of a command line with the flags of the command in front of its
// arguments: cli takes each word behind an argument as another argument. The word "--" ends
// the flags.
func flagsFirst(commands []*cli.Command, words []string) []string {
	c, rest := findCommand(commands, words)
	if c == nil || c.SkipFlagParsing || c.Name == helpName {
		return words
	}
	var flags, arguments []string
	for i := 0; i < len(rest); i++ {
		word := rest[i]
		if word == "--" {
			arguments = append(arguments, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(word, "-") {
			arguments = append(arguments, word)
			continue
		}
		flags = append(flags, word)
		if needsValue(c.Flags, word) && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	if len(arguments) == 0 {
		return words
	}
	return slices.Concat(words[:len(words)-len(rest)], flags, []string{"--"}, arguments)
}

// findCommand follows the names of commands in the words behind the program's name. It returns
// the last command and the words behind its name. It returns nil for a command that has
// subcommands, and for an unknown one.
func findCommand(commands []*cli.Command, words []string) (*cli.Command, []string) {
	for i := 1; i < len(words); i++ {
		if strings.HasPrefix(words[i], "-") {
			continue
		}
		at := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(words[i]) })
		if at < 0 {
			return nil, nil
		}
		if len(commands[at].Subcommands) == 0 {
			return commands[at], words[i+1:]
		}
		commands = commands[at].Subcommands
	}
	return nil, nil
}

// needsValue reports whether the flag in the word takes the next word as its value.
func needsValue(flags []cli.Flag, word string) bool {
	name, _, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
	f := docFlag(flags, name)
	return f != nil && f.TakesValue() && !given
}
