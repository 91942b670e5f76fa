package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// legacyReason is why a gateway starts of which nothing was recorded yet.
const legacyReason = "the container's command is gateway run, as before s6"

// isLegacy tells whether the home has no gateway_state.json, whatever it may be.
func isLegacy(top dir) bool {
	var st unix.Stat_t
	return errors.Is(unix.Fstatat(top.fd, stateFile, &st, unix.AT_SYMLINK_NOFOLLOW), fs.ErrNotExist)
}

// Migrate records in gateway_state.json of the home that the default gateway is
// running, for a container from before s6. The file belongs to owner. It never
// replaces one: fs.ErrExist says that one is there by now.
func (v *Volume) Migrate(owner Owner, at time.Time) error {
	text := fmt.Sprintf(
		`{"gateway_state": "running", "desired_state": "running", "timestamp": %d, "migrated_from": "legacy-container-cmd"}`+"\n",
		at.Unix())
	if err := makeFile(v.top, stateFile, owner, []byte(text)); err != nil {
		return fmt.Errorf("writing %q: %w", stateFile, err)
	}
	return nil
}
