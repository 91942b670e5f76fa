package cli

import (
	"errors"
	"io/fs"
	"time"

	"slotgen/scan"
)

// migrate gives a container from before s6 its recorded state. Where that can't
// be written the gateway starts all the same.
func (p *pass) migrate() {
	if !p.list.Migrate || !p.chosen(scan.DefaultName) {
		return
	}
	const done = "gateway_state.json: a container from before s6 gets its state recorded as running"
	if p.dryRun {
		p.msg.line("would write %s", done)
		return
	}
	err := p.volume.Migrate(p.volumeOwner(), time.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		p.look() // somebody recorded a state meanwhile: that one counts
	case err != nil:
		p.msg.warnOf(err, err.Error())
	default:
		p.msg.line("wrote %s", done)
	}
}

// volumeOwner is whom what is made on the volume belongs to.
func (p *pass) volumeOwner() scan.Owner {
	if !p.owners.GivesAway() {
		return scan.KeepOwner()
	}
	return scan.Owner{UID: p.base.UID, GID: p.base.GID}
}
