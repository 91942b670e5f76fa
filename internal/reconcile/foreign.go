package reconcile

import (
	"maps"
	"slices"

	"slotgen/internal/message"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// warnOfLiveSlots names the slots that are live although the policy none leaves the gateways
// to another container. The pass itself stops nothing.
func (p *planner) warnOfLiveSlots() {
	if p.Scan.Autostart != scan.None {
		return
	}
	dir, err := scandir.Open(p.Scandir, p.Layout.Prefix)
	if err != nil {
		return // no slot is live here
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		p.Tell(message.Of(message.Warning, err))
	}
	for _, service := range slices.Sorted(maps.Keys(names)) {
		name, isSlot := p.Layout.ProfileOf(service)
		if !isSlot || !p.Chosen(name) {
			continue
		}
		if live, err := dir.Live(service); !live || err != nil {
			continue
		}
		m := message.Warn("slot %q is live, and autostart none leaves the gateways to another container", service).About(name)
		m.Hint = "to stop it: " + p.controlCommand("-wD -d", service)
		p.Tell(m)
	}
}
