package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

// legacyReason is the reason to start a gateway without a recorded state.
const legacyReason = "the container's command is gateway run, as before s6"

// legacy completes the default profile of a container from before s6. The pass migrates it
// when the home has no state file.
func (l *Listing) legacy(v *Volume, first Entry) Entry {
	_, err := v.top.lstat(v.layout.StateFile)
	switch {
	case err == nil:
		return first
	case !errors.Is(err, fs.ErrNotExist):
		return first.verdict(Failed, fmt.Sprintf("reading %q: %s", v.layout.StateFile, err))
	}
	l.Migrate = true
	first.Intent = Intent{State: Running, Known: true}
	first.Profile.PriorState, first.Profile.Start = Running, true
	first.Why, first.Reason = legacyReason, legacyReason
	return first
}

// Migrate records in the state file of the home that the default gateway is running, for
// a container from before s6. It never replaces a file: fs.ErrExist says that the file exists
// by now.
func (v *Volume) Migrate(at time.Time) error {
	text := fmt.Sprintf(
		`{"gateway_state": "running", "desired_state": "running", "timestamp": %d, "migrated_from": "legacy-container-cmd"}`+"\n",
		at.Unix())
	return v.AsUser(func() error {
		name := v.layout.StateFile
		err := v.top.patience.try(name, func() error { return makeFile(v.top, name, []byte(text)) })
		if err != nil {
			return fmt.Errorf("writing %q: %w", name, err)
		}
		return nil
	})
}

// makeFile makes the file name in d with mode 0644: it writes it under another name, then
// moves it into place. fs.ErrExist says that the name was taken meanwhile; the file there
// is left as it is.
func makeFile(d dir, name string, data []byte) error {
	tmp := tempName(name)
	_ = fdio.Remove(d.fd, tmp) // of a pass that was killed
	fd, err := fdio.Create(d.fd, tmp, unix.O_WRONLY|unix.O_APPEND|unix.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making %+q: the name is taken", d.join(tmp))
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = writeWhole(fd, data)
	if err == nil {
		err = fdio.Sync(fd)
	}
	if err == nil {
		err = fdio.RenameNew(d.fd, tmp, d.fd, name)
	}
	if err != nil {
		_ = fdio.Remove(d.fd, tmp)
	}
	return err
}

// tempName is always the same, so that the next pass clears what a killed one left.
func tempName(name string) string { return "." + name + ".new" }
