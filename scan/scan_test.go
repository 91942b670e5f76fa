package scan

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/testenv"
)

func TestEntryOfProfilesBecomesWhatTheTableSays(t *testing.T) {
	outside := t.TempDir()
	put(t, outside, "SOUL.md", "")
	profile := func(name string) func(*testing.T, string) {
		return func(t *testing.T, home string) { put(t, home, "profiles/"+name+"/SOUL.md", "") }
	}
	long := strings.Repeat("a", 242)
	tests := []struct {
		what, name string
		make       func(t *testing.T, home string)
		verdict    Verdict
		why        string // a part of it
	}{
		{"a profile", "coder", profile("coder"), Publish, "no state recorded"},
		{"the longest name", long, profile(long), Publish, ""},
		{"a name too long", long + "a", profile(long + "a"), Skipped, "name has 243 bytes, more than 242"},
		{"a dotted name", ".trash", profile(".trash"), Ignored, "begins with a dot"},
		{"a file", "notes", func(t *testing.T, home string) { put(t, home, "profiles/notes", "") }, Ignored, "not a directory"},
		{"a FIFO", "pipe", func(t *testing.T, home string) { fifo(t, home, "profiles/pipe") }, Ignored, "not a directory"},
		{"no marker", "attic", func(t *testing.T, home string) { mkdir(t, home, "profiles/attic") }, Ignored, "no SOUL.md"},
		{"a bad name without a marker", "Attic", func(t *testing.T, home string) { mkdir(t, home, "profiles/Attic") }, Ignored, "no SOUL.md"},
		{"the marker leads nowhere", "a", func(t *testing.T, home string) { link(t, home, "profiles/a/SOUL.md", "gone") }, Publish, ""},
		{"the marker leads outside", "a", func(t *testing.T, home string) { link(t, home, "profiles/a/SOUL.md", "/etc/passwd") }, Publish, ""},
		{"the marker is a FIFO", "a", func(t *testing.T, home string) { fifo(t, home, "profiles/a/SOUL.md") }, Publish, ""},
		{"the marker is a directory", "a", func(t *testing.T, home string) { mkdir(t, home, "profiles/a/SOUL.md") }, Publish, ""},
		{"an upper-case letter", "Coder", profile("Coder"), Skipped, "upper-case"},
		{"a newline at the end", "coder\n", profile("coder\n"), Skipped, "a newline"},
		{"an escape sequence", "\x1b[31m", profile("\x1b[31m"), Skipped, `'\x1b'`},
		{"not UTF-8", "a\xff", profile("a\xff"), Skipped, "a byte that is not UTF-8"},
		{"a link that leads outside", "away", func(t *testing.T, home string) { link(t, home, "profiles/away", outside) }, Publish, ""},
		{"an absolute link that leads inside", "abs", func(t *testing.T, home string) {
			put(t, home, "real/SOUL.md", "")
			link(t, home, "profiles/abs", filepath.Join(home, "real"))
		}, Publish, ""},
		{"a link that stays inside", "near", func(t *testing.T, home string) {
			put(t, home, "real/SOUL.md", "")
			link(t, home, "profiles/near", "../real")
		}, Publish, ""},
		{"a link that leads nowhere", "gone", func(t *testing.T, home string) { link(t, home, "profiles/gone", "nowhere") }, Skipped, "leads nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			home := newHome(t)
			tt.make(t, home)
			l := scanHome(t, home)
			e := entryOf(t, l, tt.name)
			if e.Verdict != tt.verdict || !strings.Contains(e.Why, tt.why) {
				t.Errorf("verdict %d (%s), want %d (%s)", e.Verdict, e.Why, tt.verdict, tt.why)
			}
			p, err := openVolume(t, home).Profiles()
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			verdict, why, waits := p.Judge(tt.name)
			if verdict != e.Verdict || verdict != Publish && why != e.Why || waits != strings.Contains(tt.why, DefaultLayout().Marker) {
				t.Errorf("judged without its files: verdict %d (%s), waits: %v", verdict, why, waits)
			}
			if l.Err != nil || len(l.Warnings) > 0 {
				t.Errorf("error %v, warnings %q, want none", l.Err, l.Warnings)
			}
		})
	}
}

func TestUnreadableProfileFailsAlone(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/shut/SOUL.md", "")
	put(t, home, "profiles/open/SOUL.md", "")
	chmod(t, home, "profiles/shut", 0)
	t.Cleanup(func() { chmod(t, home, "profiles/shut", 0o755) })
	l := scanAsStranger(t, home)
	if e := entryOf(t, l, "shut"); e.Verdict != Failed || e.Reason != `reading "profiles/shut": permission denied` {
		t.Errorf("verdict %d, reason %q, want failed", e.Verdict, e.Reason)
	}
	if e := entryOf(t, l, "open"); e.Verdict != Publish {
		t.Errorf("verdict %d, want published", e.Verdict)
	}
}

func TestProfilesThatCannotBeListedIsAnErrorBesideTheDefaultProfile(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, home string)
		err  string
	}{
		{"missing", func(*testing.T, string) {}, ""},
		{"a file", func(t *testing.T, home string) { put(t, home, "profiles", "") }, "not a directory"},
		{"a FIFO", func(t *testing.T, home string) { fifo(t, home, "profiles") }, "not a directory"},
		{"a link that leads nowhere", func(t *testing.T, home string) { link(t, home, "profiles", "gone") }, "link leads nowhere"},
		{"a link that stays inside", func(t *testing.T, home string) {
			put(t, home, "elsewhere/coder/SOUL.md", "")
			link(t, home, "profiles", "elsewhere")
		}, ""},
		{"unreadable", func(t *testing.T, home string) {
			mkdir(t, home, "profiles")
			chmod(t, home, "profiles", 0)
			t.Cleanup(func() { chmod(t, home, "profiles", 0o755) })
		}, "permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := newHome(t)
			tt.make(t, home)
			l := scanAsStranger(t, home)
			if entryOf(t, l, DefaultName).Verdict != Publish {
				t.Error("the default profile is not published")
			}
			if tt.err == "" && l.Err != nil || tt.err != "" && (l.Err == nil || !strings.HasSuffix(l.Err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", l.Err, tt.err)
			}
		})
	}
}

func TestOutcomesComeInByteOrderBehindTheDefault(t *testing.T) {
	home := newHome(t)
	for _, name := range []string{"zed", "a_b", "a-b", "a", "0", "B"} {
		put(t, home, "profiles/"+name+"/SOUL.md", "")
	}
	var names []string
	for _, e := range scanHome(t, home).Entries {
		names = append(names, e.Profile.Name)
	}
	if diff := cmp.Diff([]string{"default", "0", "B", "a", "a-b", "a_b", "zed"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// What has no slot by its name protects none either; all others are listed.
func TestOfNamesThatNoProfileCanHaveAThousandAreListed(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	for i := range maxMisnamed {
		mkdir(t, home, fmt.Sprintf("profiles/A%04d", i))
		mkdir(t, home, fmt.Sprintf("profiles/unmarked%04d", i))
	}
	put(t, home, "profiles/coder/SOUL.md", "")
	if l := scanHome(t, home); len(l.Entries) != 2+2*maxMisnamed || len(l.Warnings) > 0 {
		t.Errorf("%d entries, warnings %q", len(l.Entries), l.Warnings)
	}
	mkdir(t, home, "profiles/Z")
	put(t, home, "profiles/Z1/SOUL.md", "")
	l := scanHome(t, home)
	want := []string{"profiles/ has 2 entries more whose names no profile can have: they are not listed"}
	if diff := cmp.Diff(want, l.Warnings); diff != "" || len(l.Entries) != 2+2*maxMisnamed {
		t.Errorf("%d entries, warnings (-want +got):\n%s", len(l.Entries), diff)
	}
	if e := entryOf(t, l, "coder"); e.Verdict != Publish {
		t.Errorf("the profile: %+v", e)
	}
}

func TestProfileCalledDefaultIsAWarningAndNothingElse(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/default/SOUL.md", "")
	put(t, home, "profiles/default/gateway_state.json", `{"gateway_state": "running"}`)
	linked := newHome(t)
	mkdir(t, linked, "profiles")
	put(t, linked, "elsewhere/SOUL.md", "")
	link(t, linked, "profiles/default", "../elsewhere")
	for _, home := range []string{home, linked} {
		l := scanHome(t, home)
		want := []string{"profiles/default/ exists — skipping to avoid colliding with the reserved root-profile s6 slot"}
		if diff := cmp.Diff(want, l.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
		if len(l.Entries) != 2 || l.Entries[0].Profile.Start || l.Entries[1].Verdict != Ignored {
			t.Errorf("entries %+v, want the home and an ignored one", l.Entries)
		}
	}
}

func TestHomeBelowProfilesIsTwoLevelsUp(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/coder/SOUL.md", "")
	v := openVolume(t, filepath.Join(home, "profiles", "coder"))
	if v.Home() != home {
		t.Errorf("home %q, want %q", v.Home(), home)
	}
}
