package cli

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// The profile may be gone again when next it is looked at, without any event.
func TestOrphanThatTurnsOutToHaveAProfileIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still meanwhile
		m := newMemory()
		orphans := []string{"gateway-a"}
		everyone := func(string) bool { return true }
		m.orphans["gateway-a"] = time.Now().Add(-confirmAfter)
		if got := m.confirm(orphans, everyone); !slices.Equal(got, orphans) {
			t.Fatalf("confirmed are %q, want %q", got, orphans)
		}
		m.doubt("gateway-a")
		if got := m.confirm(orphans, everyone); len(got) != 0 {
			t.Errorf("confirmed at once are %q, want none", got)
		}
		at, want := m.again.first(), time.Now().Add(confirmAfter)
		if names := m.again.due(at); !slices.Equal(names, []string{"a"}) || !at.Equal(want) {
			t.Errorf("next to look at are %q at %s, want a at %s", names, at, want)
		}
	})
}

func TestManyProfilesThatChangedAreLookedAtWithAllOthers(t *testing.T) {
	o := workset{}
	for i := range manyNames {
		o.add(strconv.Itoa(i))
	}
	if n := len(o.only()); n != manyNames {
		t.Errorf("a pass is limited to %d names, want all %d", n, manyNames)
	}
	o.add("one more")
	if got := o.only(); got != nil {
		t.Errorf("a pass is limited to %d names, want no limit", len(got))
	}
}

func TestOnlyAPassOverEverythingEndsThatAllIsTriedAgain(t *testing.T) {
	retryAt := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		name string
		only []string
		all  bool
	}{
		{"over some", []string{"coder"}, true},
		{"over everything", nil, false},
	} {
		s := schedule{everything: retryAt}
		s.looked((&pass{only: tt.only}).chosen)
		if _, all := s[everything]; all != tt.all {
			t.Errorf("%s: all is to be tried again: %v", tt.name, all)
		}
	}
}
