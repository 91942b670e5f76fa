package watch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// The profile may be gone again at the next look, without any event.
func TestResetRestartsTheConfirmationPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the fake clock does not move
		services := []string{"gateway-a"}
		everyone := func(string) bool { return true }
		o := orphans{map[string]time.Time{"gateway-a": time.Now().Add(-confirmAfter)}, schedule{}}
		if got := o.Confirm(services, everyone); !slices.Equal(got, services) {
			t.Fatalf("confirmed are %q, want %q", got, services)
		}
		o.Reset("gateway-a")
		if got := o.Confirm(services, everyone); len(got) != 0 {
			t.Errorf("confirmed at once are %q, want none", got)
		}
		at, want := o.next.earliest(), time.Now().Add(confirmAfter)
		if names := o.next.due(at); !slices.Equal(names, []string{"a"}) || !at.Equal(want) {
			t.Errorf("next to look at are %q at %s, want a at %s", names, at, want)
		}
	})
}
