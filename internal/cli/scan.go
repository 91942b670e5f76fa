package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/scan"
)

// tailLines is the number of lines of the boot log that scan shows for one profile.
const tailLines = 5

func scanCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:      "scan",
		ArgsUsage: profileArgument,
		Usage:     "show what a pass would do with every profile, and why",
		UsageText: "slotgen scan\nslotgen scan coder",
		Description: "Changes nothing. The column WHY answers \"why didn't my profile come back up?\". LIVE means that " +
			"s6 supervises the slot; \"slotgen status\" shows whether the gateway is up.\n\n" +
			"Exit code 0: shown; 1: a profile fails; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			profileFlag("show the profile `NAME` in full, with its last lines of the boot log; repeatable"),
			&cli.BoolFlag{
				Name: "all", Aliases: []string{"a"},
				Usage: "list skipped and ignored entries of the profiles folder too",
			},
			outputFlag(), colourFlag(),
		}, passFlags(), slotFlags()),
		Action: oneProfile(func(c *cli.Context) error {
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			colours, err := newPalette(c.String("color"), out.w)
			if err != nil {
				return err
			}
			o, err := passOptions(c, s, s.role(msg), msg)
			if err != nil {
				return err
			}
			o.Explain, o.Live = true, true
			e := explainer{Options: o, json: s.json, all: c.Bool("all"), colours: colours, msg: msg, out: out}
			return e.run(c.Context)
		}),
	}
}

// explainer carries out `slotgen scan`.
type explainer struct {
	reconcile.Options
	json, all bool
	colours   palette
	msg       messages
	out       *output
}

// run plans a pass and prints the plan.
func (e explainer) run(ctx context.Context) error {
	if e.NoGateways != "" {
		e.msg.info("this is a %s container: reconcile publishes nothing here", e.NoGateways)
	}
	report, err := reconcile.Preview(ctx, e.Options, nil)
	if err != nil {
		return err
	}
	shown := report
	if !e.all && len(e.Only) == 0 {
		shown.Outcomes = slices.DeleteFunc(slices.Clone(report.Outcomes), isNoProfile)
	}
	if err := e.print(shown); err != nil {
		return err
	}
	e.printHints(shown.Outcomes)
	if slices.ContainsFunc(shown.Outcomes, func(o reconcile.Outcome) bool { return o.Live }) && !e.json {
		e.msg.info("live: s6 supervises the slot; slotgen status shows whether the gateway is up")
	}
	if left := len(report.Outcomes) - len(shown.Outcomes); left > 0 {
		e.msg.info("%d skipped or ignored: --all lists them", left)
	}
	if !report.OK() {
		return reportedError{}
	}
	return nil
}

func (e explainer) print(report reconcile.Report) error {
	switch {
	case e.json:
		return writeDocument(e.out, e.Scandir, report)
	case len(e.Only) > 0:
		return e.printDetails(report)
	}
	return e.printTable(report)
}

// isNoProfile reports whether the entry can have no slot under any policy.
func isNoProfile(o reconcile.Outcome) bool {
	return o.Action == reconcile.Ignored || o.Action == reconcile.Skipped && o.Entry.Profile.Service == ""
}

// printHints prints each hint once.
func (e explainer) printHints(outcomes []reconcile.Outcome) {
	seen := map[string]bool{"": true}
	for _, o := range outcomes {
		if !seen[o.Hint] {
			seen[o.Hint] = true
			e.msg.line("hint: %s", o.Hint)
		}
	}
}

// printTable prints one row for each outcome, below a line about the pass.
func (e explainer) printTable(report reconcile.Report) error {
	listens := ""
	if !report.Listens {
		listens = " (no s6-svscan listens there)"
	}
	if _, err := fmt.Fprintf(e.out, "home %s, scandir %s%s, autostart %s\n\n",
		scan.Printable(report.Home), scan.Printable(e.Scandir), listens, report.Autostart); err != nil {
		return err
	}
	var t table
	t.add(e.colours.bold, "PROFILE", "STATE", "PRIOR EXIT", "PLAN", "LIVE", "WHY")
	for _, o := range report.Outcomes {
		t.add(e.colours.of(o.Action),
			scan.Escape(o.Entry.Profile.Name), o.Entry.Intent.String(), o.Entry.Profile.PriorExit, o.Plan(), yesNo(o.Live), o.Why)
	}
	return t.print(e.out, e.colours)
}

func (p palette) of(action reconcile.Action) string {
	return map[reconcile.Action]string{
		reconcile.Skipped: p.yellow, reconcile.Orphan: p.yellow, reconcile.Failed: p.red,
	}[action]
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// printDetails prints all fields of each outcome and its last lines of the boot log.
func (e explainer) printDetails(report reconcile.Report) error {
	volume, err := reconcile.OpenVolume(e.Home, e.Layout, e.User, e.Tell)
	if err != nil {
		return err
	}
	defer volume.Close()
	for i, o := range report.Outcomes {
		if i > 0 {
			fmt.Fprintln(e.out)
		}
		if err := e.fields(o); err != nil {
			return err
		}
		if err := e.printTail(volume, o.Entry.Profile.Name); err != nil {
			return err
		}
	}
	return nil
}

func (e explainer) fields(o reconcile.Outcome) error {
	profile := o.Entry.Profile
	return printFields(e.out, [][2]string{
		{"profile", scan.Escape(profile.Name)},
		{"directory", profile.Dir},
		{"slot", e.slotPath(o)},
		{"state", o.Entry.Intent.String()},
		{"prior exit", profile.PriorExit},
		{"plan", o.Plan()},
		{"live", yesNo(o.Live)},
		{"in force", string(o.Effect)},
		{"why", o.Why},
	})
}

func (e explainer) slotPath(o reconcile.Outcome) string {
	if o.Entry.Profile.Service == "" {
		return "none"
	}
	return e.Scandir + "/" + o.Entry.Profile.Service
}

func (e explainer) printTail(volume *scan.Volume, name string) error {
	lines, err := volume.BootLogTail(name, tailLines)
	if err != nil {
		e.msg.print(message.Of(message.Warning, err))
	} else if len(lines) == 0 {
		lines = []string{"nothing about this profile"}
	}
	return printLines(e.out, "boot log", lines)
}
