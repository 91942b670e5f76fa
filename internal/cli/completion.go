package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
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

// askForFiles, as the only candidate, makes the shell complete a path.
const askForFiles = ":files"

// commandLine is the state after some words of a command line.
type commandLine struct {
	// command is the last command. The first one stands for the program.
	command *cli.Command
	// hasArgument reports whether a word was neither a command nor a flag.
	hasArgument bool
	// waiting is the flag that takes the next word as its value, or nil.
	waiting cli.DocGenerationFlag
	// given holds the values of the flags, by their names.
	given map[string]string
}

// complete returns the candidates for the last word, each with a tab and its description.
func complete(program *cli.Command, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	l := commandLine{command: program, given: map[string]string{}}
	last := len(words) - 1
	for _, word := range words[:last] {
		if word != "=" { // bash makes --flag=value three words
			l.take(word)
		}
	}
	return l.candidates(words[last])
}

// take adds one word to the state.
func (l *commandLine) take(word string) {
	switch {
	case l.waiting != nil:
		l.given[l.waiting.Names()[0]] = word
		l.waiting = nil
	case strings.HasPrefix(word, "-"):
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if f := docFlag(l.command.Flags, name); f != nil && given {
			l.given[f.Names()[0]] = value
		} else if f != nil && f.TakesValue() {
			l.waiting = f
		}
	default:
		at := slices.IndexFunc(l.command.Subcommands, func(c *cli.Command) bool { return c.HasName(word) })
		switch {
		case at < 0 || l.hasArgument:
			l.hasArgument = true
		case l.command.Subcommands[at].Name == helpName: // commands follow "help", and no flags
			l.command = &cli.Command{Subcommands: l.command.Subcommands}
		default:
			l.command = l.command.Subcommands[at]
		}
	}
}

func (l *commandLine) candidates(word string) []string {
	if l.waiting != nil {
		return l.values(l.waiting, strings.TrimPrefix(word, "="), "")
	}
	if name, value, given := strings.Cut(word, "="); given && strings.HasPrefix(word, "--") {
		f := docFlag(l.command.Flags, name[2:])
		if f == nil || !f.TakesValue() {
			return nil
		}
		return l.values(f, value, name+"=")
	}
	var found []string
	if !l.hasArgument {
		for _, c := range l.command.VisibleCommands() {
			found = appendMatch(found, c.Name, word, c.Usage)
		}
	}
	if len(found) > 0 && word == "" {
		return found
	}
	if l.command.ArgsUsage == profileArgument && !l.hasArgument {
		for _, name := range l.profileNames() {
			found = appendMatch(found, name, word, "profile")
		}
	}
	for _, flag := range l.command.VisibleFlags() {
		if f, ok := flag.(cli.DocGenerationFlag); ok {
			usage := strings.ReplaceAll(f.GetUsage(), "`", "")
			found = appendMatch(found, dashed(f.Names()[0]), word, usage)
		}
	}
	return found
}

func appendMatch(found []string, candidate, word, usage string) []string {
	if !strings.HasPrefix(candidate, word) {
		return found
	}
	return append(found, candidate+"\t"+usage)
}

// values returns the candidates for the value of a flag. The prefix is the part of the word
// before the value.
func (l *commandLine) values(f cli.DocGenerationFlag, value, prefix string) []string {
	var found []string
	add := func(candidates ...string) []string {
		for _, candidate := range candidates {
			found = appendMatch(found, prefix+candidate, prefix+value, "")
		}
		return found
	}
	switch f.Names()[0] {
	case "autostart":
		return add(string(scan.Auto), string(scan.Recorded), string(scan.Multiplex), string(scan.All), string(scan.None))
	case "supervise-access":
		return add(string(scandir.AccessGroup), string(scandir.AccessEvents), string(scandir.AccessOwner), string(scandir.AccessRoot))
	case "output":
		return add(formatText, formatJSON)
	case "color":
		return add(colourAuto, colourAlways, colourNever)
	case "file":
		return add(slotFiles()...)
	case "profile":
		return add(l.profileNames()...)
	case "default-profile":
		return add(wordOn, wordOff)
	case "marker", "state-file", "stale-files", "data":
		return add(none)
	}
	switch valueWord(f) {
	case "DIR", "PATH", "PROGRAM":
		return []string{askForFiles}
	}
	return nil
}

// slotFiles returns the paths of the files that the embedded templates make.
func slotFiles() []string {
	var files []string
	for _, o := range render.Embedded().Origins() {
		if !strings.HasPrefix(o.Path, "_") {
			files = append(files, o.Path)
		}
	}
	return files
}

// profileNames returns the names of the profiles that get a slot. It returns none when the
// volume can't be read.
func (l *commandLine) profileNames() []string {
	quiet := messages{w: &asyncWriter{w: io.Discard}}
	user, err := lookupUser(cmp.Or(l.value("user"), defaultUser), quiet)
	if err != nil {
		return nil
	}
	layout, err := parseLayout(l.value)
	if err != nil || layout.Check() != nil {
		return nil
	}
	volume, err := scan.Open(cmp.Or(l.value("home"), defaultHome), layout, user.credentials(), func(string, time.Duration) {})
	if err != nil {
		return nil
	}
	defer volume.Close()
	return reconcile.WithSlots(volume.Scan(scan.Options{Autostart: scan.Recorded}))
}

// value returns the value of a setting of the volume: of its flag on the command line, or of its
// variable.
func (l *commandLine) value(flag string) string {
	f := docFlag(append(layoutFlags(), homeFlag(), userFlag()), flag)
	return cmp.Or(l.given[flag], os.Getenv(f.GetEnvVars()[0]))
}
