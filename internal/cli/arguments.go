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
	l := commandLine{command: &cli.Command{Subcommands: commands}, given: map[string]string{}}
	names := 1 // the number of words up to the name of the last command
	var flags, arguments []string
	for i, word := range words[1:] {
		if l.waiting == nil && word == "--" {
			arguments = append(arguments, words[i+2:]...)
			break
		}
		switch {
		case len(l.command.Subcommands) > 0 || l.command.SkipFlagParsing:
			names++
		case l.waiting != nil || strings.HasPrefix(word, "-"):
			flags = append(flags, word)
		default:
			arguments = append(arguments, word)
		}
		l.take(word)
	}
	if len(arguments) == 0 {
		return words
	}
	return slices.Concat(words[:names], flags, []string{"--"}, arguments)
}
