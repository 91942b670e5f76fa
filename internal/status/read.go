package status

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"time"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// Read reports on every slot in the scandir and every profile without one. A volume that can't
// be read is a warning.
func Read(ctx context.Context, o Options) (Report, error) {
	dir, err := scandir.Open(o.Scandir, o.Layout.Prefix)
	if err != nil {
		return Report{}, hint.Add(err, "--scandir or S6_PROFILE_GATEWAY_SCANDIR names s6-svscan's directory")
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		return Report{}, err
	}
	for _, err := range []error{dir.CheckStopped(), dir.CheckExec()} {
		if err != nil {
			o.Tell(message.Of(message.Warning, err))
		}
	}
	r := reader{Options: o, dir: dir, strays: dir.Strays(o.Proc)}
	defer r.close()
	r.readVolume()
	report := Report{Home: o.Layout.Root(o.Home), Autostart: r.list.Autostart, Rows: r.rows(names), Listens: r.listens()}
	scan.Share(len(report.Rows), func(parts iter.Seq[int]) {
		for i := range parts {
			r.fill(ctx, &report.Rows[i])
		}
	})
	report.Rows = slices.DeleteFunc(report.Rows, func(row Row) bool { return row.State == "" })
	slices.SortStableFunc(report.Rows, func(a, b Row) int { return rank(a) - rank(b) })
	return report, ctx.Err()
}

// reader reads the state of a scandir.
type reader struct {
	Options
	dir    *scandir.Dir
	volume *scan.Volume
	list   scan.Listing
	strays map[string]int // the supervisors of removed slots, by service
}

func (r *reader) close() {
	if r.volume != nil {
		r.volume.Close()
	}
}

func (r *reader) readVolume() {
	volume, err := scan.Open(r.Home, r.Layout, r.User, func(path string, waited time.Duration) { r.Tell(message.Waiting(path, waited)) })
	if err != nil {
		r.Tell(message.Of(message.Warning, err))
		return
	}
	r.volume = volume
	r.list = volume.Scan(r.Scan)
	if r.list.Err != nil {
		r.Tell(message.Of(message.Warning, r.list.Err))
	}
}

// listens reports whether an s6-svscan listens, or returns nil when slotgen may not ask.
func (r *reader) listens() *bool {
	yes, err := r.dir.HasScanner()
	if err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			r.Tell(message.Of(message.Warning, err))
		}
		return nil
	}
	return &yes
}

// rows returns a row for each name of a slot in the scandir, each entry of the volume, and each
// service that still runs in a removed slot. Read drops the rows that fill gives no state.
func (r *reader) rows(names scandir.Names) []Row {
	slots := map[string]string{} // the name in the scandir by service, or ""
	for service := range r.strays {
		slots[service] = ""
	}
	entries := map[string]*scan.Entry{}
	for i := range r.list.Entries {
		e := &r.list.Entries[i]
		service := r.Layout.Service(e.Profile.Name)
		if entries[service] == nil { // the home comes before an entry of profiles/ with its name
			slots[service], entries[service] = "", e
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) { // a visible name after its hidden one
		service, hidden := r.dir.ParseHidden(name)
		if !hidden {
			service = name
		}
		slots[service] = name
	}
	var rows []Row
	for _, service := range slices.Sorted(maps.Keys(slots)) {
		if profile, isSlot := r.Layout.ProfileOf(service); isSlot && r.chosen(profile) {
			rows = append(rows, Row{Profile: profile, Service: slots[service], Entry: entries[service]})
		}
	}
	return rows
}

func (r *reader) chosen(name string) bool { return len(r.Only) == 0 || slices.Contains(r.Only, name) }
