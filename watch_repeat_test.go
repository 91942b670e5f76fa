package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestWatchRepeatsNoWarningAfterAPassOverAnotherProfile(t *testing.T) {
	l := newLone(t, 0)
	l.profile("stale")
	if err := os.Mkdir(filepath.Join(l.home, "profiles/stale/gateway.pid"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.start(nil, "--interval", "1h")
	l.profile("new")
	l.waitSaid(`created slot "gateway-new"`)
	if err := l.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	l.waitSaid("3 profiles: 0 created, 0 updated, 3 unchanged")
	if n := strings.Count(l.stderr.String(), `warning: removing "profiles/stale/gateway.pid"`); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, l.stderr)
	}
}

func TestDedupeForgetsOnlyWhatWasLookedAt(t *testing.T) {
	d := dedupe{}
	a, b := subject{profile: "a"}, subject{profile: "b"}
	seen := func(s subject, text string, want bool) {
		t.Helper()
		if got := d.Seen(s, text); got != want {
			t.Errorf("%q of %+v was seen: %v, want %v", text, s, got, want)
		}
	}
	looked := func(subjects ...subject) {
		d.Forget(func(s subject) bool { return slices.Contains(subjects, s) })
	}
	seen(a, "x", false)
	seen(b, "x", false)
	seen(a, "x", true)
	looked(a, b)
	seen(b, "x", true) // a pass over b alone
	looked(b)
	seen(a, "x", true)
	looked(a)
	looked(a) // a pass over a that does not say x
	seen(a, "x", false)
	seen(b, "x", true)
	seen(b, "y", false)
	seen(b, "x", false)
	seen(b, "", false) // it is over
	seen(b, "", true)
	seen(b, "x", false)
	if dedupe(nil).Seen(a, "x") {
		t.Error("the nil dedupe has seen something")
	}
}
