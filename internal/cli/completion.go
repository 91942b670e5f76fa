package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"slotgen/templates"
)

func completionCommand(out *output) *cli.Command {
	c := &cli.Command{
		Name:   "completion",
		Usage:  "print a script that completes command lines in a shell",
		Action: noSubcommand("completion"),
	}
	for _, shell := range []struct{ name, install string }{
		{"bash", "slotgen completion bash >/etc/bash_completion.d/slotgen"},
		{"zsh", `slotgen completion zsh >"${fpath[1]}/_slotgen"`},
		{"fish", "slotgen completion fish >~/.config/fish/completions/slotgen.fish"},
	} {
		c.Subcommands = append(c.Subcommands, &cli.Command{
			Name:      shell.name,
			Usage:     "print the script for " + shell.name,
			UsageText: shell.install,
			Description: "The script completes commands, flags, the values of flags and the names of the profiles " +
				"on the volume.",
			Action: noArguments(func(c *cli.Context) error {
				script, err := templates.FS.ReadFile("completion/" + c.Command.Name)
				if err != nil {
					return fmt.Errorf("reading the script: %w", err)
				}
				_, err = out.Write(script)
				return err
			}),
		})
	}
	c.Subcommands = append(c.Subcommands, wordsCommand(out))
	return c
}

// wordsCommand returns the command that the completion scripts call. Its arguments are the
// words behind "slotgen", and it completes the last one. It prints one line for each
// candidate: the candidate, a tab and a description. The single line ":files" asks for the
// shell's own completion of paths. It reports no errors of its own: a completing shell has
// no place for a message.
func wordsCommand(out *output) *cli.Command {
	return &cli.Command{
		Name:            "words",
		Hidden:          true,
		HideHelp:        true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			program := &cli.Command{Subcommands: c.App.Commands, Flags: []cli.Flag{cli.HelpFlag, cli.VersionFlag}}
			for _, candidate := range complete(program, c.Args().Slice()) {
				fmt.Fprintln(out, candidate)
			}
			return nil
		},
	}
}
