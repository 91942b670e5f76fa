package cli

import (
	"cmp"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// askForFiles, as the only candidate, makes the shell complete a path.
const askForFiles = ":files"

// commandLine is the state after some words of a command line.
type commandLine struct {
	// commands are the commands that may follow.
	commands []*cli.Command
	// flags are the flags of the last command.
	flags []cli.Flag
	// takesProfile reports whether the name of a profile may follow.
	takesProfile bool
	// waiting is the flag that takes the next word as its value, or nil.
	waiting cli.DocGenerationFlag
	// given holds the values of the flags, by their names.
	given map[string]string
}

// complete returns the candidates for the last word, each with a tab and its description.
func (l *commandLine) complete(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	last := len(words) - 1
	for _, word := range words[:last] {
		l.take(word)
	}
	return l.candidates(words[last])
}

// take adds one word to the state.
func (l *commandLine) take(word string) {
	switch {
	case l.waiting != nil && word == "=": // bash makes --flag=value three words
	case l.waiting != nil:
		l.setValue(l.waiting, word)
		l.waiting = nil
	case strings.HasPrefix(word, "-"):
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if f := docFlag(l.flags, name); f != nil && given {
			l.setValue(f, value)
		} else if f != nil && f.TakesValue() {
			l.waiting = f
		}
	default:
		for _, c := range l.commands {
			if c.HasName(word) && c.Name == helpName {
				l.flags = nil // commands follow "help", and no flags
				return
			}
			if c.HasName(word) {
				l.commands, l.flags, l.takesProfile = c.Subcommands, c.VisibleFlags(), c.ArgsUsage == profileArgument
				return
			}
		}
		l.commands, l.takesProfile = nil, false
	}
}

func (l *commandLine) setValue(f cli.DocGenerationFlag, value string) {
	if l.given == nil {
		l.given = map[string]string{}
	}
	l.given[f.Names()[0]] = value
}

func (l *commandLine) candidates(word string) []string {
	if l.waiting != nil {
		return l.values(l.waiting, strings.TrimPrefix(word, "="), "")
	}
	if name, value, given := strings.Cut(word, "="); given && strings.HasPrefix(word, "--") {
		f := docFlag(l.flags, name[2:])
		if f == nil || !f.TakesValue() {
			return nil
		}
		return l.values(f, value, name+"=")
	}
	var found []string
	for _, c := range l.commands {
		if !c.Hidden {
			found = appendMatch(found, c.Name, word, c.Usage)
		}
	}
	if len(l.commands) > 0 && word == "" {
		return found
	}
	if l.takesProfile {
		for _, name := range l.profileNames() {
			found = appendMatch(found, name, word, "profile")
		}
	}
	for _, flag := range l.flags {
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
		return add(noFile)
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
