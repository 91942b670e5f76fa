package scan

import "testing"

// Package json by itself would take a name in another case for the one that is asked for.
func TestMemberInAnotherCaseChangesNothing(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"DESIRED_STATE", "Desired_State", "desired_\u017ftate"} {
		for _, text := range []string{
			`{"` + other + `": "running", "desired_state": "stopped"}`,
			`{"desired_state": "stopped", "` + other + `": "running"}`,
			`{"gateway_state": "stopped", "` + other + `": "running"}`,
			`{"gateway_state": "stopped", "` + other + `": 1}`,
		} {
			if got, err := parseIntent([]byte(text)); got.State != "stopped" || err != nil {
				t.Errorf("%s gives %+v, %v; want stopped", text, got, err)
			}
		}
	}
	for _, other := range []string{"PHASE", "Phase", "pha\u017fe"} {
		if got := parsePriorExit([]byte(`{"phase": "exited", "` + other + `": "running"}`)); got != "clean" {
			t.Errorf("beside %s the prior exit is %q, want clean", other, got)
		}
	}
}
