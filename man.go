package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"slotgen/templates"
)

// manTemplate holds the prose of the man page; commands, flags and variables are
// filled in.
const manTemplate = "man/slotgen.8.tmpl"

func manCommand(out *output) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the man page, section 8",
		Description: "Read it with: slotgen man | man -l -",
		Action: noArguments(func(c *cli.Context) error {
			page, err := manPage(c.App)
			if err != nil {
				return err
			}
			_, err = out.Write(page)
			return err
		}),
	}
}

// manData is what the man page's template sees.
type manData struct {
	Commands []manCommandData
	// Common are the flags that several commands have, each once.
	Common []manFlag
	// Variables are those of all flags, by name.
	Variables []manFlag
}

// manCommandData is a command that has none of its own below it.
type manCommandData struct {
	// Name is what is typed behind "slotgen".
	Name, Usage, Description string
	// Own are the flags of this command alone.
	Own []manFlag
	// Shared names those it has in common with others.
	Shared []string
}

// manPage renders the page from the commands of app.
func manPage(app *cli.App) ([]byte, error) {
	text, err := templates.FS.ReadFile(manTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", manTemplate, err)
	}
	page := template.New(manTemplate)
	page.Funcs(template.FuncMap{
		"roff":     roff,
		"sentence": sentence,
		"flag":     func(f manFlag) string { return f.roff() },
		"join":     strings.Join,
		"example": func(command string) (string, error) {
			var b strings.Builder
			err := page.ExecuteTemplate(&b, "example "+command, nil)
			return strings.TrimSpace(b.String()), err
		},
	})
	if _, err := page.Parse(string(text)); err != nil {
		return nil, fmt.Errorf("parsing the man page: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, newManData(app)); err != nil {
		return nil, fmt.Errorf("rendering the man page: %w", err)
	}
	return out.Bytes(), nil
}

func newManData(app *cli.App) manData {
	leaves := leafCommands("", app.Commands)
	uses := map[string]int{}
	for _, leaf := range leaves {
		for _, f := range leaf.Own {
			uses[f.key()]++
		}
	}
	data := manData{}
	for _, leaf := range leaves {
		own := []manFlag{}
		for _, f := range leaf.Own {
			if f.Variable != "" && !slices.ContainsFunc(data.Variables, f.sameVariable) {
				data.Variables = append(data.Variables, f)
			}
			if uses[f.key()] == 1 {
				own = append(own, f)
				continue
			}
			leaf.Shared = append(leaf.Shared, f.Names[0])
			if !slices.ContainsFunc(data.Common, func(g manFlag) bool { return g.key() == f.key() }) {
				data.Common = append(data.Common, f)
			}
		}
		leaf.Own = own
		data.Commands = append(data.Commands, leaf)
	}
	slices.SortFunc(data.Variables, func(a, b manFlag) int { return strings.Compare(a.Variable, b.Variable) })
	slices.SortFunc(data.Common, func(a, b manFlag) int { return strings.Compare(a.Names[0], b.Names[0]) })
	return data
}

// leafCommands lists the commands that do something, in the order of help.
func leafCommands(prefix string, commands []*cli.Command) []manCommandData {
	var leaves []manCommandData
	for _, c := range commands {
		switch {
		case c.Hidden:
		case len(c.Subcommands) > 0:
			leaves = append(leaves, leafCommands(prefix+c.Name+" ", c.Subcommands)...)
		default:
			leaves = append(leaves, manCommandData{
				Name: prefix + c.Name, Usage: c.Usage, Description: c.Description, Own: manFlags(c),
			})
		}
	}
	return leaves
}

func manFlags(c *cli.Command) []manFlag {
	var flags []manFlag
	for _, flag := range c.VisibleFlags() {
		if f, ok := flag.(cli.DocGenerationFlag); ok && flag.Names()[0] != "help" {
			flags = append(flags, newManFlag(f))
		}
	}
	return flags
}
