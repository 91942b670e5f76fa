package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"slotgen/internal/hint"
	"slotgen/scan"

	"github.com/urfave/cli/v2"
)

// tailLines is how many lines of the boot log scan shows of one profile.
const tailLines = 5

func scanCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:  "scan",
		Usage: "tell what a pass would do with every profile, and why",
		Description: "Touches nothing. The column \"why\" answers \"why didn't my profile come back up\".\n\n" +
			"Exit code 0: told; 1: a profile fails; 2: wrong usage or configuration.",
		Flags: slices.Concat(passFlags(), []cli.Flag{
			outputFlag(),
			profileFlag("show the profile `NAME` in full, with its last lines of the boot log; repeatable"),
			&cli.BoolFlag{
				Name: "all", Aliases: []string{"a"}, Category: categoryChoice,
				Usage: "list skipped and ignored entries of profiles/ too",
			},
			colourFlag(),
		}, slotFlags()),
		Action: noArguments(func(c *cli.Context) error {
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			colours, err := newPalette(c.String("color"), out.w)
			if err != nil {
				return err
			}
			p := newPass(s, msg)
			p.only, p.dryRun, p.explain = c.StringSlice("profile"), true, true
			return explain(c.Context, p, out, c.Bool("all"), colours)
		}),
	}
}

// explain makes a pass that touches nothing and tells what it found.
func explain(ctx context.Context, p *pass, out *output, all bool, colours palette) error {
	if word := p.role.NoGateways(); word != "" {
		p.msg.line("this is a %s container: reconcile publishes nothing here", word)
	}
	defer p.close()
	outcomes, err := p.run(ctx)
	if err != nil {
		return err
	}
	shown := outcomes
	if !all && len(p.only) == 0 {
		shown = slices.DeleteFunc(slices.Clone(outcomes), outcome.isNoProfile)
	}
	switch {
	case p.json:
		err = writeDocument(out, p.volume.Home(), p.scandir, p.list.Autostart, shown)
	case len(p.only) > 0:
		err = p.inFull(out, shown)
	default:
		err = table(out, shown, colours)
	}
	if err != nil {
		return err
	}
	p.tellHints(shown)
	if hidden := len(outcomes) - len(shown); hidden > 0 {
		p.msg.line("%d skipped or ignored: --all lists them", hidden)
	}
	if p.incomplete || anyFailed(outcomes) {
		return reportedError{}
	}
	return nil
}

// tellHints prints each mend once, of what failed.
func (p *pass) tellHints(outcomes []outcome) {
	seen := dedupe{}
	for _, o := range outcomes {
		if text := hint.Of(o.err); !seen.Seen(subject{what: text}, text) {
			p.msg.hint(o.err)
		}
	}
}

// table prints one line for each outcome, aligned and coloured as a whole.
func table(out *output, outcomes []outcome, colours palette) error {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PROFILE\tINTENT\tPRIOR EXIT\tACTION\tLIVE\tWHY")
	for _, o := range outcomes {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n",
			scan.Escape(o.entry.Profile.Name), o.entry.Intent, o.entry.Profile.PriorExit, o.action, yesNo(o.live), printable(o.why))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	colour := colours.bold
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if i > 0 {
			colour = colours.of(outcomes[i-1].action)
		}
		if _, err := fmt.Fprintln(out, colours.paint(colour, line)); err != nil {
			return err
		}
	}
	return nil
}

func (p palette) of(action string) string {
	return map[string]string{actionStarted: p.green, actionSkipped: p.yellow, actionFailed: p.red}[action]
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// inFull prints all that is known of each outcome.
func (p *pass) inFull(out *output, outcomes []outcome) error {
	for i, o := range outcomes {
		if i > 0 {
			fmt.Fprintln(out)
		}
		prof := o.entry.Profile
		tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, row := range [][2]string{
			{"profile", scan.Escape(prof.Name)},
			{"directory", prof.Dir},
			{"slot", p.slotPath(o)},
			{"intent", o.entry.Intent.String()},
			{"prior exit", prof.PriorExit},
			{"action", o.action},
			{"change", string(o.change)},
			{"live", yesNo(o.live)},
			{"in force", string(o.effect)},
			{"why", o.why},
		} {
			if row[1] == "" {
				continue
			}
			fmt.Fprintf(tw, "%s:\t%s\n", row[0], printable(row[1]))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		if err := p.printTail(out, prof.Name); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) slotPath(o outcome) string {
	if o.entry.Profile.Service == "" {
		return "none"
	}
	return p.scandir + "/" + o.entry.Profile.Service
}

func (p *pass) printTail(out *output, name string) error {
	lines, err := p.volume.BootLogTail(name, tailLines)
	if err != nil {
		p.msg.warnOf(err, err.Error())
	} else if len(lines) == 0 {
		lines = []string{"nothing about this profile"}
	}
	if len(lines) == 0 {
		return nil
	}
	fmt.Fprintln(out, "boot log:")
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, "  "+printable(line)); err != nil {
			return err
		}
	}
	return nil
}
