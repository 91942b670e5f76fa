package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/render/scandir"
	"slotgen/scan"
)

func diffCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		ArgsUsage: profileArgument,
		Usage:     "compare the published slots with what would be rendered",
		UsageText: "slotgen diff\nslotgen diff coder --templates ./templates",
		Description: "Prints what a pass would change, as a unified diff with modes and owners. For a live slot it " +
			"includes what only a restart would change. Changes nothing.\n\n" +
			"Exit code 0: no differences; 1: differences, or a profile fails; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			profileFlag("compare the slot of the profile `NAME` only; repeatable"),
			outputFlag(), colourFlag(),
		}, passFlags(), slotFlags()),
		Action: oneProfile(func(c *cli.Context) error {
			v, err := readView(c, out, msg)
			if err != nil {
				return err
			}
			return v.diff(c.Context)
		}),
	}
}

// diff plans a pass and prints the differences of each slot at once. It prints JSON at the end.
func (v view) diff(ctx context.Context) error {
	doc := diffDocument{SchemaVersion: 1, Home: v.Layout.Root(v.Home), Scandir: v.Scandir, Differences: []differenceDocument{}}
	if v.NoGateways != "" {
		v.msg.info("this is a %s container: reconcile publishes nothing here", v.NoGateways)
		if v.json {
			writeJSON(v.out, doc)
		}
		return nil
	}
	var err error
	if v.Templates, err = loadTemplates(v.templates, v.Layout, v.msg); err != nil {
		return err
	}
	v.Differences = true
	found := false
	report, err := reconcile.Preview(ctx, v.Options, func(o reconcile.Outcome) error {
		if o.Action == reconcile.Failed {
			return nil
		}
		found = found || len(o.Differences) > 0
		for _, one := range o.Differences {
			if v.json {
				doc.add(o, one)
				continue
			}
			printDiff(v.out, o.Entry.Profile.Service, one, v.colours)
		}
		return v.out.err
	})
	if err != nil {
		return err
	}
	if v.json {
		writeJSON(v.out, doc)
	}
	v.msg.printAll(reconcile.Messages(report.Outcomes))
	if found || !report.OK() {
		return reportedError{}
	}
	return nil
}

// diffDocument is the JSON form of `slotgen diff`.
type diffDocument struct {
	SchemaVersion int                  `json:"schemaVersion"`
	Home          string               `json:"home"`
	Scandir       string               `json:"scandir"`
	Differences   []differenceDocument `json:"differences"`
}

type differenceDocument struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	// Path is the file in the slot, or empty for the slot itself.
	Path string `json:"path"`
	// What is "added", "removed", "content", or says what differs in type, mode or owner.
	What string `json:"what"`
	// Effect says when the change of a live slot takes effect.
	Effect string `json:"effect"`
	Diff   string `json:"diff"`
}

func (doc *diffDocument) add(o reconcile.Outcome, d scandir.Difference) {
	p := o.Entry.Profile
	doc.Differences = append(doc.Differences, differenceDocument{
		Name: p.Name, Service: p.Service, Path: d.Path, What: d.What, Effect: string(o.Effect),
		Diff: strings.Join(textLines(p.Service+"/"+d.Path, d, palette{}), "\n"),
	})
}

// printDiff prints one difference as git would.
func printDiff(out *output, service string, d scandir.Difference, colours palette) {
	name := scan.Printable(strings.TrimSuffix(service+"/"+d.Path, "/"))
	lines := append([]string{fmt.Sprintf("diff a/%s b/%s", name, name)}, headLines(d)...)
	for i := range lines {
		lines[i] = colours.paint(colours.bold, lines[i])
	}
	lines = append(lines, textLines(name, d, colours)...)
	fmt.Fprintln(out, strings.Join(lines, "\n"))
}

// headLines returns the lines about type, mode and owner.
func headLines(d scandir.Difference) []string {
	switch {
	case d.Have == nil:
		return []string{fmt.Sprintf("new %s mode %04o owner %d:%d", d.Want.Kind(), d.Want.Mode, d.Want.UID, d.Want.GID)}
	case d.Want == nil:
		return []string{fmt.Sprintf("deleted %s mode %04o", d.Have.Kind(), d.Have.Mode)}
	}
	var lines []string
	add := func(what, have, want string) {
		if have != want {
			lines = append(lines, "old "+what+" "+have, "new "+what+" "+want)
		}
	}
	add("type", d.Have.Kind(), d.Want.Kind())
	add("mode", fmt.Sprintf("%04o", d.Have.Mode), fmt.Sprintf("%04o", d.Want.Mode))
	add("owner", fmt.Sprintf("%d:%d", d.Have.UID, d.Have.GID), fmt.Sprintf("%d:%d", d.Want.UID, d.Want.GID))
	return lines
}

// textLines returns the unified diff of the two texts. It returns none when they are equal.
func textLines(name string, d scandir.Difference, colours palette) []string {
	have, want := cmp.Or(d.Have, &scandir.Node{}), cmp.Or(d.Want, &scandir.Node{})
	oldName, newName := "a/"+name, "b/"+name
	if have.Kind() != "file" {
		oldName = "/dev/null"
	}
	if want.Kind() != "file" {
		newName = "/dev/null"
	}
	if bytes.Equal(have.Data, want.Data) {
		return nil
	}
	text := string(diff.Diff(oldName, have.Data, newName, want.Data))
	_, text, _ = strings.Cut(text, "\n") // its own "diff" line
	var lines []string
	for line := range strings.Lines(text) {
		line = scan.Printable(strings.TrimSuffix(line, "\n"))
		lines = append(lines, colours.paint(colours.ofDiffLine(line), line))
	}
	return lines
}

func (p palette) ofDiffLine(line string) string {
	switch {
	case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
		return p.bold
	case strings.HasPrefix(line, "@@"):
		return p.cyan
	case strings.HasPrefix(line, "-"):
		return p.red
	case strings.HasPrefix(line, "+"):
		return p.green
	}
	return ""
}
