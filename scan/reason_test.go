package scan

import "testing"

func TestReasonNamesAStateThatIsUnusableOrMisspelled(t *testing.T) {
	for state, want := range map[string]string{
		`{"gateway_state": "running", "desired_state": 1}`: "gateway_state.json: desired_state is not a string: taken as no recorded state",
		`{"desired_state": "running"`:                      "gateway_state.json: not JSON: unexpected end of JSON input: taken as no recorded state",
		`{"desired_state": "RUNNING"}`: `desired_state "RUNNING" in gateway_state.json starts nothing: ` +
			`it differs from "running" in letter case or white space`,
		`{"gateway_state": " running\n"}`: `gateway_state " running\n" in gateway_state.json starts nothing: ` +
			`it differs from "running" in letter case or white space`,
		`{"desired_state": "stopped"}`: "",
		`{}`:                           "",
	} {
		home := newHome(t)
		put(t, home, "profiles/coder/SOUL.md", "")
		put(t, home, "profiles/coder/gateway_state.json", state)
		e := entryOf(t, openVolume(t, home).Scan(Options{Autostart: Recorded}), "coder")
		if e.Reason != want || want != "" && e.Why != want || e.Profile.Start {
			t.Errorf("%s: reason %q, why %q, start %v, want %q", state, e.Reason, e.Why, e.Profile.Start, want)
		}
		e = entryOf(t, openVolume(t, home).Scan(Options{Autostart: All}), "coder")
		if e.Intent.Known || e.Reason != "autostart all" || !e.Profile.Start {
			t.Errorf("%s under the policy all: %+v", state, e)
		}
	}
}
