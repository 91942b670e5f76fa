package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
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
		if err := makeFile(v.top, v.layout.StateFile, []byte(text)); err != nil {
			return fmt.Errorf("writing %q: %w", v.layout.StateFile, err)
		}
		return nil
	})
}
