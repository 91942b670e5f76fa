package scan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadThroughALinkNeverBlocksEither(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	fifo(t, home, "pipe")
	link(t, home, "gateway_state.json", "pipe")
	link(t, home, "state/gateway.lifecycle.json", "../pipe")
	link(t, home, "profiles/coder", "../pipe")
	l := scanHome(t, home)
	checkIntent(t, l, none, true)
	if e := entryOf(t, l, "coder"); e.Verdict != Ignored {
		t.Errorf("a link to a FIFO is a profile: %+v", e)
	}
}

func TestLifecycleFileIsReadInsideTheHomeOnly(t *testing.T) {
	t.Parallel()
	const name = "state/gateway.lifecycle.json"
	const exited = `{"phase": "exited"}`
	outside := newHome(t)
	put(t, outside, "file", exited)
	tests := map[string]struct {
		make func(t *testing.T, home string)
		want string
	}{
		"missing":                   {func(*testing.T, string) {}, "unknown"},
		"a link that leads outside": {func(t *testing.T, home string) { link(t, home, name, filepath.Join(outside, "file")) }, "clean"},
		"its directory leads outside": {func(t *testing.T, home string) {
			put(t, outside, "gateway.lifecycle.json", exited)
			link(t, home, "state", outside)
		}, "clean"},
		"a link that leads nowhere": {func(t *testing.T, home string) { link(t, home, name, "gone") }, "unknown"},
		"its directory is a file":   {func(t *testing.T, home string) { put(t, home, "state", exited) }, "unknown"},
		"a link that stays inside": {func(t *testing.T, home string) {
			put(t, home, "elsewhere", exited)
			link(t, home, name, "../elsewhere")
		}, "clean"},
		"over 64 KiB":              {func(t *testing.T, home string) { put(t, home, name, exited+strings.Repeat(" ", 64<<10)) }, "unknown"},
		"not UTF-8":                {func(t *testing.T, home string) { put(t, home, name, "{\"phase\": \"exited\", \"x\": \"\xff\"}") }, "unknown"},
		"the word in JSON escapes": {func(t *testing.T, home string) { put(t, home, name, `{"phase": "\u0065xited"}`) }, "clean"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			home := newHome(t)
			put(t, home, DefaultLayout().Marker, "")
			tt.make(t, home)
			l := scanHome(t, home)
			if got := entryOf(t, l, DefaultName).Profile.PriorExit; got != tt.want || len(l.Warnings) > 0 {
				t.Errorf("prior exit %q, warnings %q; want %q and none", got, l.Warnings, tt.want)
			}
		})
	}
}

func TestLogLineQuotesWhatCouldForgeOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what    string
		outcome Outcome
		want    string
	}{
		{
			"only a state may be taken for the word None",
			Outcome{Profile: "None", Action: "skipped", PriorExit: "unknown", Change: "none", Reason: "name has an upper-case letter, only a-z, 0-9, _ and - are allowed"},
			`profile=None prior_state=None action=skipped prior_exit=unknown change=none host=box reason="name has an upper-case letter, only a-z, 0-9, _ and - are allowed"`,
		},
		{
			"a reason is ASCII",
			Outcome{Profile: "x", Action: "failed", PriorExit: "clean", Change: "none", Reason: "ä \"b\"\u202e\x1b"},
			`profile=x prior_state=None action=failed prior_exit=clean change=none host=box reason="\u00e4 \"b\"\u202e\x1b"`,
		},
		{
			"a profile's name is any bytes",
			Outcome{Profile: "a\xff b", Action: "skipped", PriorExit: "unknown", Change: "none"},
			`profile="a\xff b" prior_state=None action=skipped prior_exit=unknown change=none host=box`,
		},
	}
	for _, tt := range tests {
		if got, want := string(tt.outcome.appendLine(nil, epoch, "box")), "2026-05-21T06:18:05+0000 "+tt.want+"\n"; got != want {
			t.Errorf("%s:\ngot  %swant %s", tt.what, got, want)
		}
	}
}

func TestRotationReplacesALinkAndDoesNotFollowIt(t *testing.T) {
	t.Parallel()
	home, outside := newHome(t), newHome(t)
	old := strings.Repeat("x", 262144)
	put(t, outside, "file", "precious")
	put(t, home, "logs/container-boot.log", old)
	link(t, home, "logs/container-boot.log.1", filepath.Join(outside, "file"))
	if err := appendLine(t, home); err != nil {
		t.Fatal(err)
	}
	if read(t, outside, "file") != "precious" {
		t.Error("the link's target was written to")
	}
	if info, err := os.Lstat(filepath.Join(home, "logs/container-boot.log.1")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("container-boot.log.1 is %v, %v; want a file", info, err)
	}
	if read(t, home, "logs/container-boot.log.1") != old || read(t, home, "logs/container-boot.log") != oneLine {
		t.Error("the log was not rotated")
	}
}

func TestLogDirectoryMayBeALinkThatStaysInside(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	mkdir(t, home, "big/logs")
	link(t, home, "logs", "big/logs")
	if err := appendLine(t, home); err != nil {
		t.Fatal(err)
	}
	if got := read(t, home, "big/logs/container-boot.log"); got != oneLine {
		t.Errorf("the log holds %q", got)
	}
}

func TestAllOutcomesOfAPassAreLogged(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	v := openVolume(t, home)
	outcomes := []Outcome{
		{Profile: "default", Intent: Intent{State: Running, Known: true}, Action: "started", PriorExit: "clean", Change: "none"},
		{Profile: "a b", Action: "skipped", PriorExit: "unknown", Change: "none", Reason: "name has a space"},
	}
	for range 2 {
		if err := v.AppendBootLog(epoch, "box", outcomes); err != nil {
			t.Fatal(err)
		}
	}
	want := "2026-05-21T06:18:05+0000 profile=default prior_state=running action=started prior_exit=clean change=none host=box\n" +
		"2026-05-21T06:18:05+0000 profile=\"a b\" prior_state=None action=skipped prior_exit=unknown change=none host=box reason=\"name has a space\"\n"
	if got := read(t, home, "logs/container-boot.log"); got != want+want {
		t.Errorf("the log holds\n%s", got)
	}
}

func TestNothingStaleIsNoWarning(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "profiles/a/SOUL.md", "")
	put(t, home, "profiles/b/gateway.pid", "1")
	put(t, home, "profiles/b/gateway.pid.bak", "1")
	v := openVolume(t, home)
	for _, name := range []string{"a", "b"} {
		if w := v.RemoveStale(Profile{Name: name}); len(w) > 0 {
			t.Errorf("%s: warnings %q", name, w)
		}
	}
	if !missingIn(home, "profiles/b/gateway.pid") || missingIn(home, "profiles/b/gateway.pid.bak") || missingIn(home, "profiles/a/SOUL.md") {
		t.Error("a stale file is still there, or another one is gone")
	}
}
