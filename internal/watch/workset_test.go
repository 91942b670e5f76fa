package watch

import (
	"strconv"
	"testing"
	"time"

	"slotgen/internal/reconcile"
)

func TestPassWithTooManyNamesLooksAtEverything(t *testing.T) {
	work := workset{}
	for i := range manyNames {
		work.add(strconv.Itoa(i))
	}
	if n := len(work.only()); n != manyNames {
		t.Errorf("a pass is limited to %d names, want all %d", n, manyNames)
	}
	work.add("one more")
	if got := work.only(); got != nil {
		t.Errorf("a pass is limited to %d names, want no limit", len(got))
	}
}

func TestOnlyAPassOverEverythingRemovesTheRetryOfEverything(t *testing.T) {
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
		s.remove(reconcile.Options{Only: tt.only}.Chosen)
		if _, all := s[everything]; all != tt.all {
			t.Errorf("%s: all is to be tried again: %v", tt.name, all)
		}
	}
}
