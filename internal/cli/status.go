package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/internal/s6"
	"slotgen/internal/status"
	"slotgen/scan"
)

// logLines is the number of lines of a gateway's log that status shows for one profile.
const logLines = 10

func statusCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:      "status",
		ArgsUsage: profileArgument,
		Usage:     "show which gateways are up, and which need you",
		UsageText: "slotgen status\nslotgen status coder",
		Description: "Asks s6 about every slot, and changes nothing. What needs you comes first, with what to " +
			"type. The user and its group may ask too, with the access form group.\n\n" +
			"To start, stop or restart one gateway:\n" +
			"  s6-svc -u " + defaultScandir + "/" + exampleSlot() + "\n" +
			"  s6-svc -wD -d " + defaultScandir + "/" + exampleSlot() + "\n" +
			"  s6-svc -r " + defaultScandir + "/" + exampleSlot() + "\n\n" +
			"Exit code 0: every gateway that should be up is up; 1: one is not, or there is no slot; " +
			"2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			profileFlag("show the profile `NAME` in full, with its last log lines; repeatable"),
			outputFlag(), colourFlag(), homeFlag(), scandirFlag(), autostartFlag(), userFlag(), commandDirFlag(), procFlag(),
		}, layoutFlags()),
		Action: oneProfile(func(c *cli.Context) error {
			v, err := readView(c, out, msg)
			if err != nil {
				return err
			}
			return v.status(c.Context)
		}),
	}
}

func (v view) status(ctx context.Context) error {
	if v.NoGateways != "" {
		v.msg.info("this is a %s container: it supervises no gateways", v.NoGateways)
		v.printStatus(status.Report{Home: v.Layout.Root(v.Home), Autostart: scan.None})
		return nil
	}
	programs, err := s6.Find(v.Scan.Base.CommandDir, "/usr/bin", "/bin")
	if err != nil {
		return withHint(err, "--command-dir or SLOTGEN_COMMAND_DIR names the directory of s6's programs")
	}
	report, err := status.Read(ctx, status.Options{
		Home: v.Home, Layout: v.Layout, Scandir: v.Scandir, User: v.User, Scan: v.Scan,
		Programs: programs, Proc: v.Proc, Only: v.Only, Tell: v.Tell,
	})
	if err != nil {
		return err
	}
	if err := status.CheckOnly(report, v.Only); err != nil {
		return err
	}
	v.printStatus(report)
	if len(report.Rows) == 0 && report.OK() {
		v.msg.info("autostart none: the gateways are another container's")
	}
	if report.OK() {
		return nil
	}
	return v.msg.failed(notUp(report, v.Scandir))
}

// notUp returns the error of a report that is not OK.
func notUp(report status.Report, scandir string) error {
	var names []string
	for _, row := range report.Rows {
		if row.Unhealthy {
			names = append(names, row.Profile)
		}
	}
	switch {
	case !report.HasSlots():
		return withHint(fmt.Errorf("no slot in scandir %q", scandir), "slotgen reconcile publishes the slots")
	case len(names) == 1:
		return fmt.Errorf("1 gateway should be up and is not: %s", reconcile.SomeNames(names))
	}
	return fmt.Errorf("%d gateways should be up and are not: %s", len(names), reconcile.SomeNames(names))
}

func (v view) printStatus(report status.Report) {
	switch {
	case v.json:
		writeJSON(v.out, newStatusDocument(report, v.Scandir))
	case len(report.Rows) == 0:
	case len(v.Only) > 0:
		v.printStatusDetails(report)
	default:
		v.printStatusTable(report)
	}
}

func (v view) printStatusTable(report status.Report) {
	listens := ""
	if report.Listens != nil && !*report.Listens {
		listens = " (no s6-svscan listens there)"
	}
	fmt.Fprintf(v.out, "scandir %s%s, home %s\n\n", scan.Printable(v.Scandir), listens, scan.Printable(report.Home))
	var t table
	t.add(v.colours.bold, "PROFILE", "STATE", "FOR", "EXIT", "NOTE")
	for _, row := range report.Rows {
		t.add(v.colours.ofRow(row), row.Profile, string(row.State), since(row), row.Exit, strings.Join(row.Notes, "; "))
	}
	t.print(v.out, v.colours)
}

func (p palette) ofRow(row status.Row) string {
	switch {
	case row.Unhealthy:
		return p.red
	case len(row.Notes) > 0:
		return p.yellow
	}
	return ""
}

// since returns how long a gateway has been up or down, in its two largest units: "3d 4h".
func since(row status.Row) string {
	if !row.Known {
		return ""
	}
	seconds := int(row.For / time.Second)
	units := []struct {
		name    string
		seconds int
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for i, u := range units {
		if seconds < u.seconds {
			continue
		}
		text := strconv.Itoa(seconds/u.seconds) + u.name
		if i+1 < len(units) && seconds%u.seconds >= units[i+1].seconds {
			text += " " + strconv.Itoa(seconds%u.seconds/units[i+1].seconds) + units[i+1].name
		}
		return text
	}
	return "0s"
}

// printStatusDetails prints all about each row, with the last lines of the boot log and of the
// gateway's own log.
func (v view) printStatusDetails(report status.Report) {
	volume, err := reconcile.OpenVolume(v.Home, v.Layout, v.User, v.msg.print)
	if err == nil {
		defer volume.Close()
	}
	for i, row := range report.Rows {
		if i > 0 {
			fmt.Fprintln(v.out)
		}
		v.printRow(row)
		if volume == nil {
			continue // Read has warned
		}
		boot, err := volume.BootLogTail(row.Profile, tailLines)
		lines, logErr := volume.GatewayLogTail(row.Profile, logLines)
		if err := errors.Join(err, logErr); err != nil {
			v.msg.print(message.Of(message.Warning, err))
		}
		printLines(v.out, "boot log", boot)
		printLines(v.out, "log", lines)
	}
}

func (v view) printRow(row status.Row) {
	fields := [][2]string{
		{"profile", row.Profile},
		{"slot", v.slotPath(row.Service)},
		{"state", strings.TrimSpace(string(row.State) + " " + since(row))},
		{"exit", row.Exit},
	}
	if row.PID != 0 {
		fields = append(fields, [2]string{"pid", strconv.Itoa(row.PID)})
	}
	if row.Entry != nil {
		fields = append(fields, [2]string{"recorded", row.Entry.Intent.String()}, [2]string{"why", row.Entry.Why})
	}
	for _, note := range row.Notes {
		fields = append(fields, [2]string{"note", note})
	}
	printFields(v.out, fields)
}

// statusDocument is the JSON form of a report.
type statusDocument struct {
	SchemaVersion int    `json:"schemaVersion"`
	Home          string `json:"home"`
	Scandir       string `json:"scandir"`
	// Listens is null when only root may ask for an s6-svscan.
	Listens  *bool         `json:"listens"`
	Healthy  bool          `json:"healthy"`
	Profiles []rowDocument `json:"profiles"`
}

type rowDocument struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	State   string `json:"state"`
	// Seconds is the time since the gateway went up or down, or null.
	Seconds *int `json:"seconds"`
	// PID is null when no process runs.
	PID     *int     `json:"pid"`
	Exit    string   `json:"exit"`
	Healthy bool     `json:"healthy"`
	Notes   []string `json:"notes"`
}

func newStatusDocument(report status.Report, scandir string) statusDocument {
	doc := statusDocument{
		SchemaVersion: 1, Home: report.Home, Scandir: scandir, Listens: report.Listens, Healthy: report.OK(),
		Profiles: make([]rowDocument, 0, len(report.Rows)),
	}
	for _, row := range report.Rows {
		d := rowDocument{
			Name: row.Profile, Service: row.Service, State: string(row.State), Exit: row.Exit, Healthy: !row.Unhealthy,
			Notes: slices.Concat([]string{}, row.Notes),
		}
		if row.Known {
			seconds := int(row.For / time.Second)
			d.Seconds = &seconds
		}
		if row.PID != 0 {
			d.PID = &row.PID
		}
		doc.Profiles = append(doc.Profiles, d)
	}
	return doc
}
