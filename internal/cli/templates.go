package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
	"slotgen/render"
	"slotgen/scan"
)

func templatesCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:   "templates",
		Usage:  "list, show, export and check the templates",
		Action: noSubcommand("templates"),
		Subcommands: []*cli.Command{
			{
				Name:      "list",
				Usage:     "show which template comes from where",
				UsageText: "slotgen templates list",
				Flags:     []cli.Flag{outputFlag(), templatesFlag(), prefixFlag()},
				Action:    noArguments(func(c *cli.Context) error { return listTemplates(c, out, msg) }),
			},
			{
				Name:      "show",
				Usage:     "print the text of one template",
				UsageText: "slotgen templates show --file run",
				Flags: []cli.Flag{
					templatesFlag(),
					&cli.StringFlag{Name: "file", Usage: "the template of the slot's file at `PATH`"},
					&cli.StringFlag{Name: "profile", Usage: "the one that the profile `NAME` uses"},
					prefixFlag(),
				},
				Action: noArguments(func(c *cli.Context) error { return showTemplate(c, out, msg) }),
			},
			{
				Name:        "export",
				Usage:       "write the embedded templates, as a start for overrides",
				UsageText:   "slotgen templates export --out ./templates",
				Description: "Writes nothing when a file exists, unless --force is given.\n\nExit code 0: written; 1: not all could be written; 2: refused.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "out", Usage: "write below `DIR`"},
					&cli.BoolFlag{Name: "force", Usage: "overwrite files that are there"},
				},
				Action: noArguments(func(c *cli.Context) error { return exportTemplates(c, out, msg) }),
			},
			checkCommand(out, msg),
		},
	}
}

func listTemplates(c *cli.Context, out *output, msg messages) error {
	asJSON, err := parseFormat(cmp.Or(c.String("output"), formatText))
	if err != nil {
		return err
	}
	layout, err := readLayout(c)
	if err != nil {
		return err
	}
	set, err := loadTemplates(c.String("templates"), layout, msg)
	if err != nil {
		return err
	}
	var t table
	t.add("", "FILE", "PROFILE", "FROM")
	doc := templatesDocument{SchemaVersion: 1, Templates: []templateDocument{}}
	refused := false
	for _, o := range set.Origins() {
		d := templateDocument{File: o.Path, Profile: o.Profile, From: cmp.Or(o.File, embedded)}
		from := d.From
		if o.Refused != nil {
			refused, d.Refused = true, o.Refused.Error()
			from += " (refused)"
			msg.fail(fmt.Errorf("template %s: %w", o.File, o.Refused))
		}
		t.add("", o.Path, cmp.Or(o.Profile, "all"), from)
		doc.Templates = append(doc.Templates, d)
	}
	if asJSON {
		writeJSON(out, doc)
	} else {
		t.print(out, palette{})
	}
	if refused {
		return reportedError{}
	}
	return nil
}

// embedded is the origin of a template that is not in the override directory.
const embedded = "embedded"

// templatesDocument is the JSON form of `slotgen templates list`.
type templatesDocument struct {
	SchemaVersion int                `json:"schemaVersion"`
	Templates     []templateDocument `json:"templates"`
}

type templateDocument struct {
	File string `json:"file"`
	// Profile is empty when all profiles use the template.
	Profile string `json:"profile"`
	// From is the path of the override, or "embedded".
	From string `json:"from"`
	// Refused is the reason why slotgen does not use the override, or empty.
	Refused string `json:"refused"`
}

func showTemplate(c *cli.Context, out *output, msg messages) error {
	if c.String("file") == "" {
		return withHint(errors.New("no file given"), "name one with --file; slotgen templates list has them")
	}
	layout, err := readLayout(c)
	if err != nil {
		return err
	}
	if profile := c.String("profile"); profile != "" {
		if wrong := layout.CheckName(profile); wrong != "" {
			return fmt.Errorf("no profile can be called %q: %s", profile, wrong)
		}
	}
	set, err := loadTemplates(c.String("templates"), layout, msg)
	if err != nil {
		return err
	}
	origin, err := set.Origin(c.String("file"), c.String("profile"))
	if err != nil {
		return withHint(err, "%s", templateHint(c.String("file"), set))
	}
	_, err = out.Write([]byte(origin.Text))
	return err
}

func templateHint(file string, set *render.Set) string {
	var known []string
	for _, o := range set.Origins() {
		if o.Path == file {
			return fmt.Sprintf("profile %q has one of its own: name it with --profile", o.Profile)
		}
		known = append(known, o.Path)
	}
	return cmp.Or(hint.DidYouMean(file, known), "slotgen templates list has them")
}

func exportTemplates(c *cli.Context, out *output, msg messages) error {
	dir, err := outDir(c, "name one with --out")
	if err != nil {
		return err
	}
	written, err := render.ExportTo(dir, c.Bool("force"))
	if errors.Is(err, fs.ErrExist) {
		return withHint(err, "--force overwrites")
	}
	return printWritten(written, err, out, msg)
}

// outDir returns the directory in --out. It returns an error if the flag is empty or the
// path exists and is not a directory.
func outDir(c *cli.Context, hint string) (string, error) {
	dir := c.String("out")
	if dir == "" {
		return "", withHint(errors.New("no directory given"), "%s", hint)
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", fmt.Errorf("--out %q: %w", dir, unix.ENOTDIR)
	}
	return dir, nil
}

// printWritten prints the names of the written files and the error, if there is one.
func printWritten(written []string, err error, out *output, msg messages) error {
	for _, name := range written {
		fmt.Fprintln(out, name)
	}
	if err != nil {
		return msg.failed(err)
	}
	return nil
}

// loadTemplates reads the templates and prints their warnings.
func loadTemplates(flag string, layout scan.Layout, msg messages) (*render.Set, error) {
	set, err := readTemplates(flag, layout)
	if err != nil {
		return nil, err
	}
	for _, w := range set.Warnings {
		msg.warn("%s", w)
	}
	return set, nil
}

// readTemplates returns the embedded templates with the overrides. Only the default override
// directory may be missing. Flag is the value of --templates.
func readTemplates(flag string, layout scan.Layout) (*render.Set, error) {
	dir := pathOrNone(flag, defaultTemplates)
	if dir == "" {
		return render.Embedded(), nil
	}
	if _, err := os.Stat(dir); flag == "" && errors.Is(err, fs.ErrNotExist) {
		return render.Embedded(), nil
	}
	set, err := render.Load(dir, layout)
	if err != nil {
		return nil, withHint(err, "--templates or SLOTGEN_TEMPLATES names the override directory; --templates none uses no overrides")
	}
	return set, nil
}
