package model

import (
	"encoding/json"
	"slices"
)

// document is the JSON output of reconcile and scan.
type document struct {
	SchemaVersion            int
	Home, Scandir, Autostart string
	Profiles                 []struct {
		Name, Service, Dir, PriorExit, Action, Change, Effect, Reason string
		PriorState                                                    *string
		Live                                                          bool
	}
}

// document compares the document on stdout with the rows for which isIn reports true.
func (f *findings) document(rows []row, isIn func(row) bool) {
	var d document
	if err := json.Unmarshal([]byte(f.r.stdout), &d); err != nil {
		f.add("JSON", err.Error())
		return
	}
	policy := none // for a container without gateways
	if f.e.skips == "" {
		policy = f.x.policy()
	}
	f.equal("schema", 1, d.SchemaVersion)
	f.equal("policy", policy, d.Autostart)
	rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !isIn(r) })
	f.equal("rows", len(rows), len(d.Profiles))
	for i, r := range rows[:min(len(rows), len(d.Profiles))] {
		got := d.Profiles[i]
		f.equal("name", asJSON(r.name), got.Name)
		f.equal("action of "+r.name, r.action, got.Action)
		f.equal("change of "+r.name, r.change, got.Change)
		f.equal("effect of "+r.name, r.effect, got.Effect)
		f.equal("live "+r.name, f.isLive(r), got.Live)
		f.equal("prior exit of "+r.name, r.exit, got.PriorExit)
		f.equal("known state of "+r.name, r.known, got.PriorState != nil)
		if r.known && got.PriorState != nil {
			f.equal("state of "+r.name, r.state, *got.PriorState)
		}
		f.reason(r, got.Reason)
	}
}

// isLive reports whether a profile has a live slot, even when a pass leaves the slot alone.
func (f *findings) isLive(r row) bool {
	if r.isProfile() {
		return r.live
	}
	return isName(r.name) && f.x.scandir[r.service()].kind == aDirectory && f.x.isLive(r.service())
}

// asJSON converts a text to JSON and back. JSON replaces the bytes that are not UTF-8.
func asJSON(text string) string {
	data, _ := json.Marshal(text)
	_ = json.Unmarshal(data, &text)
	return text
}
