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
			v, err := readView(c, out, msg)
			if err != nil {
				return err
			}
			return v.scan(c.Context, c.Bool("all"))
		}),
	}
}

// scan plans a pass and prints the plan. With all it prints also the entries that are no profiles.
func (v view) scan(ctx context.Context, all bool) error {
	var err error
	if v.Templates, err = loadTemplates(v.templates, v.Layout, v.msg); err != nil {
		return err
	}
	v.Explain, v.Live = true, true
	if v.NoGateways != "" {
		v.msg.info("this is a %s container: reconcile publishes nothing here", v.NoGateways)
	}
	report, err := reconcile.Preview(ctx, v.Options, nil)
	if err != nil {
		return err
	}
	shown := report
	if !all && len(v.Only) == 0 {
		shown.Outcomes = slices.DeleteFunc(slices.Clone(report.Outcomes), isNoProfile)
	}
	switch {
	case v.json:
		writeDocument(v.out, v.Scandir, shown)
	case len(v.Only) > 0:
		if err := v.printPlanDetails(shown); err != nil {
			return err
		}
	default:
		v.printPlanTable(shown)
	}
	v.printPlanHints(shown.Outcomes)
	if slices.ContainsFunc(shown.Outcomes, func(o reconcile.Outcome) bool { return o.Live }) && !v.json {
		v.msg.info("live: s6 supervises the slot; slotgen status shows whether the gateway is up")
	}
	if left := len(report.Outcomes) - len(shown.Outcomes); left > 0 {
		v.msg.info("%d skipped or ignored: --all lists them", left)
	}
	if !report.OK() {
		return reportedError{}
	}
	return nil
}

// isNoProfile reports whether the entry can have no slot under any policy.
func isNoProfile(o reconcile.Outcome) bool {
	return o.Action == reconcile.Ignored || o.Action == reconcile.Skipped && o.Entry.Profile.Service == ""
}

// printPlanHints prints each hint once.
func (v view) printPlanHints(outcomes []reconcile.Outcome) {
	seen := map[string]bool{"": true}
	for _, o := range outcomes {
		if !seen[o.Hint] {
			seen[o.Hint] = true
			v.msg.line("hint: %s", o.Hint)
		}
	}
}

// printPlanTable prints one row for each outcome, below a line about the pass.
func (v view) printPlanTable(report reconcile.Report) {
	listens := ""
	if !report.Listens {
		listens = " (no s6-svscan listens there)"
	}
	fmt.Fprintf(v.out, "home %s, scandir %s%s, autostart %s\n\n",
		scan.Printable(report.Home), scan.Printable(v.Scandir), listens, report.Autostart)
	var t table
	t.add(v.colours.bold, "PROFILE", "STATE", "PRIOR EXIT", "PLAN", "LIVE", "WHY")
	for _, o := range report.Outcomes {
		t.add(v.colours.of(o.Action),
			scan.Escape(o.Entry.Profile.Name), o.Entry.Intent.String(), o.Entry.Profile.PriorExit, o.Plan(), yesNo(o.Live), o.Why)
	}
	t.print(v.out, v.colours)
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

// printPlanDetails prints all fields of each outcome and its last lines of the boot log.
func (v view) printPlanDetails(report reconcile.Report) error {
	volume, err := reconcile.OpenVolume(v.Home, v.Layout, v.User, v.msg.print)
	if err != nil {
		return err
	}
	defer volume.Close()
	for i, o := range report.Outcomes {
		if i > 0 {
			fmt.Fprintln(v.out)
		}
		v.printOutcome(o)
		v.printTail(volume, o.Entry.Profile.Name)
	}
	return nil
}

func (v view) printOutcome(o reconcile.Outcome) {
	profile := o.Entry.Profile
	printFields(v.out, [][2]string{
		{"profile", scan.Escape(profile.Name)},
		{"directory", profile.Dir},
		{"slot", v.slotPath(profile.Service)},
		{"state", o.Entry.Intent.String()},
		{"prior exit", profile.PriorExit},
		{"plan", o.Plan()},
		{"live", yesNo(o.Live)},
		{"in force", string(o.Effect)},
		{"why", o.Why},
	})
}

func (v view) printTail(volume *scan.Volume, name string) {
	lines, err := volume.BootLogTail(name, tailLines)
	if err != nil {
		v.msg.print(message.Of(message.Warning, err))
	} else if len(lines) == 0 {
		lines = []string{"nothing about this profile"}
	}
	printLines(v.out, "boot log", lines)
}
