package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"
	"golang.org/x/tools/txtar"

	"slotgen/internal/message"
	"slotgen/internal/reconcile"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

func renderCommand(out *output, msg messages) *cli.Command {
	return &cli.Command{
		Name:      "render",
		ArgsUsage: profileArgument,
		Usage:     "show or write the slot of one profile",
		UsageText: "slotgen render coder\nslotgen render coder --file run",
		Description: "Renders the same bytes as reconcile publishes. Without --out and --file it prints all files in " +
			"txtar form, with their modes and owners in the comment at the top. It prints a file also when the file " +
			"fails a check. With --out it takes the lock of that directory, DIR/.slotgen.lock, as reconcile takes " +
			"the lock of the scandir.\n\n" +
			"Exit code 0: printed or written; 1: the profile has no slot, its templates or checks fail, or --out " +
			"could not be written; 2: wrong usage or configuration.",
		Flags: slices.Concat([]cli.Flag{
			profileFlag("the profile `NAME`"),
			&cli.BoolFlag{Name: "stdout", Usage: "print the slot (the default)"},
			&cli.StringFlag{Name: "file", Usage: "print only the slot's file at `PATH`, as it is"},
			&cli.StringFlag{Name: "out", Usage: "write the slot as `DIR`/" + exampleSlot() + "/"},
			homeFlag(), autostartFlag(), procFlag(),
		}, slotFlags(), layoutFlags()),
		Action: oneProfile(func(c *cli.Context) error {
			if err := checkRenderFlags(c); err != nil {
				return err
			}
			s, err := readSettings(c, msg)
			if err != nil {
				return err
			}
			slot, err := renderOne(s, c.StringSlice("profile")[0], msg)
			if err != nil && (len(slot.Files) == 0 || c.String("out") != "") {
				return err
			}
			owners := scandir.OwnersFor(s.Access, s.Scan.Base.UID, s.Scan.Base.GID)
			switch {
			case c.String("out") != "":
				return s.writeSlot(c.Context, c.String("out"), slot, owners, msg)
			case c.String("file") != "":
				return cmp.Or(printFile(out, slot, c.String("file")), err)
			}
			_, failed := out.Write(txtar.Format(archive(slot, owners)))
			return cmp.Or(failed, err)
		}),
	}
}

func checkRenderFlags(c *cli.Context) error {
	switch names := c.StringSlice("profile"); {
	case len(names) == 0 || names[0] == "":
		return withHint(errors.New("no profile given"), "name one: slotgen render NAME")
	case len(names) > 1:
		return fmt.Errorf("more than one profile given: %q", names)
	}
	if c.String("out") != "" && (c.Bool("stdout") || c.String("file") != "") {
		return errors.New("--out writes files: it goes with neither --stdout nor --file")
	}
	return nil
}

// renderOne renders the slot of one profile of the volume. A slot that fails a check is
// returned together with the error.
func renderOne(s settings, name string, msg messages) (render.Slot, error) {
	volume, err := reconcile.OpenVolume(s.Home, s.Layout, s.User, msg.print)
	if err != nil {
		return render.Slot{}, err
	}
	defer volume.Close()
	s.readRole()
	e, err := reconcile.FindProfile(volume.Scan(s.Scan), name, volume)
	if err != nil {
		return render.Slot{}, err
	}
	if e.Verdict != scan.Publish {
		return render.Slot{}, msg.failed(fmt.Errorf("profile %q has no slot: %s", name, e.Why))
	}
	set, err := loadTemplates(s.templates, s.Layout, msg)
	if err != nil {
		return render.Slot{}, err
	}
	slot, findings, err := set.Slot(e.Profile)
	if err != nil {
		err = msg.failed(fmt.Errorf("rendering slot %q: %w", name, err))
	}
	for _, f := range findings {
		msg.warn("%s", f)
	}
	return slot, err
}

func printFile(out *output, slot render.Slot, path string) error {
	f, ok := slot.File(path)
	if !ok {
		var paths []string
		for _, f := range slot.Files {
			paths = append(paths, f.Path)
		}
		return withHint(fmt.Errorf("slot %q has no file %q", slot.Service, path), "it has %q", paths)
	}
	_, err := out.Write(f.Data)
	return err
}

// archive returns the slot's files, with modes and owners in the comment.
func archive(slot render.Slot, owners scandir.Owners) *txtar.Archive {
	a := &txtar.Archive{Comment: []byte("# slot " + slot.Service + "\n")}
	for _, line := range scandir.Manifest(slot, owners) {
		a.Comment = fmt.Appendf(a.Comment, "# %s\n", line)
	}
	for _, f := range slot.Files {
		a.Files = append(a.Files, txtar.File{Name: slot.Service + "/" + f.Path, Data: f.Data})
	}
	return a
}

// writeSlot publishes the slot in a directory that no s6-svscan scans.
func (s settings) writeSlot(ctx context.Context, out string, slot render.Slot, owners scandir.Owners, msg messages) error {
	path, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("resolving --out %q: %w", out, err)
	}
	const hint = "--out names a directory, which is made where there is none"
	if err := scandir.Make(path); err != nil {
		return withHint(err, hint)
	}
	dir, err := scandir.Open(path, s.Layout.Prefix)
	if err != nil {
		return withHint(err, hint)
	}
	defer dir.Close()
	switch scanned, err := dir.HasScanner(); {
	case err != nil:
		return fmt.Errorf("--out %q: %w", out, err)
	case scanned:
		return withHint(fmt.Errorf("--out %q: an s6-svscan looks at that directory", out),
			"slotgen reconcile --profile NAME publishes there")
	}
	if who := dir.WritableBy(); who != "" {
		msg.warn("--out %q is writable by %s, who may change what is put there", out, who)
	}
	if err := dir.Lock(ctx, reconcile.LockLimit); err != nil {
		return reconcile.HintLock(err, "a directory", "--out names a directory that can be written")
	}
	if err := clearSlot(ctx, dir, slot.Service, msg); err != nil {
		msg.print(message.Of(message.Warning, err))
	}
	plan, err := dir.Plan(slot, owners)
	if err == nil {
		err = dir.Publish(plan)
	}
	if err != nil {
		return msg.failed(err)
	}
	return nil
}

// clearSlot clears the leftovers of one slot.
func clearSlot(ctx context.Context, dir *scandir.Dir, service string, msg messages) error {
	leftovers, err := dir.Leftovers(func(string) bool { return true })
	// The directory may hold files that are not slotgen's.
	leftovers = slices.DeleteFunc(leftovers, func(l scandir.Leftover) bool { return l.Service() != service })
	warn := func(name string, err error) { msg.print(message.Of(message.Warning, dir.LeftoverError(name, err))) }
	for name, err := range dir.Prune(ctx, dir.Clear(leftovers, warn)) {
		warn(name, err)
	}
	return err
}
