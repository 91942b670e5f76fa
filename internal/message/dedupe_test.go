package message

import (
	"slices"
	"testing"
)

func TestDedupeForgetsOnlyWhatWasLookedAt(t *testing.T) {
	d := Dedupe{}
	a, b := Subject{Profile: "a"}, Subject{Profile: "b"}
	seen := func(s Subject, text string, want bool) {
		t.Helper()
		if got := d.Seen(s, text); got != want {
			t.Errorf("%q of %+v was seen: %v, want %v", text, s, got, want)
		}
	}
	looked := func(subjects ...Subject) {
		d.Forget(func(s Subject) bool { return slices.Contains(subjects, s) })
	}
	seen(a, "x", false)
	seen(b, "x", false)
	seen(a, "x", true)
	looked(a, b)
	seen(b, "x", true) // a pass over b alone
	looked(b)
	seen(a, "x", true)
	looked(a)
	looked(a) // a pass over a without x
	seen(a, "x", false)
	seen(b, "x", true)
	seen(b, "y", false)
	seen(b, "x", false)
	seen(b, "", false) // settled
	seen(b, "", true)
	seen(b, "x", false)
}
