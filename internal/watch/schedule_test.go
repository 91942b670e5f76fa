package watch

import (
	"strconv"
	"testing"
	"time"
)

func TestPassWithTooManyNamesLooksAtEverything(t *testing.T) {
	now := time.Now()
	next := schedule{}
	for i := range manyNames {
		next.add(now, strconv.Itoa(i))
	}
	if n := len(next.take(now)); n != manyNames || len(next) > 0 {
		t.Errorf("a pass is limited to %d names, and %d are left; want all %d", n, len(next), manyNames)
	}
	for i := range manyNames + 1 {
		next.add(now, strconv.Itoa(i))
	}
	if got := next.take(now); got != nil {
		t.Errorf("a pass is limited to %d names, want no limit", len(got))
	}
}

func TestOnlyAPassOverEverythingRemovesTheRetryOfEverything(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name, due string
		all       bool
	}{
		{"over some", "coder", true},
		{"over everything", everything, false},
	} {
		s := schedule{everything: now.Add(time.Hour), "writer": now.Add(time.Hour)}
		s.add(now, tt.due)
		s.take(now)
		_, all := s[everything]
		if _, writer := s["writer"]; all != tt.all || writer != tt.all {
			t.Errorf("%s: everything is to be tried again: %v, another profile: %v; want %v", tt.name, all, writer, tt.all)
		}
	}
}
