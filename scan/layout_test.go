package scan

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/asuser"
	"slotgen/internal/hint"
)

// tenants is the layout of a home that holds a directory for each tenant.
func tenants() Layout {
	return Layout{Profiles: ".", Marker: "tenant.yaml", Prefix: "tenant-"}
}

func openLayout(t *testing.T, home string, l Layout) *Volume {
	t.Helper()
	v, err := Open(home, l, asuser.User{}, neverSlow)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// rowsOf returns the name, the slot and the reason of each entry.
func rowsOf(l Listing) []string {
	var rows []string
	for _, e := range l.Entries {
		rows = append(rows, strings.Join([]string{e.Profile.Name, e.Profile.Service, e.Why}, "|"))
	}
	return rows
}

func TestHomeItselfHoldsTheProfiles(t *testing.T) {
	home := newHome(t)
	for _, name := range []string{"b", "default", "logs", "lost+found", "a"} {
		put(t, home, name+"/tenant.yaml", "")
	}
	put(t, home, "b/gateway_state.json", `{"desired_state": "running"}`)
	put(t, home, "b/gateway.pid", "1")
	put(t, home, "plain/SOUL.md", "")
	put(t, home, "tenant.yaml", "")
	v := openLayout(t, home, tenants())
	l := v.Scan(Options{Autostart: Auto, Multiplex: "on", Legacy: true})
	want := []string{
		"a|tenant-a|no state file", "b|tenant-b|no state file", "default|tenant-default|no state file",
		"logs||slotgen's own logs", "lost+found||name has the character '+', only a-z, 0-9, _ and - are allowed",
		"plain||no tenant.yaml", "tenant.yaml||not a directory",
	}
	if diff := cmp.Diff(want, rowsOf(l)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if l.Autostart != All || !l.Complete || l.Err != nil || l.Migrate || len(l.Warnings) > 0 {
		t.Errorf("autostart %s, complete %v, error %v, migrates %v, warnings %q", l.Autostart, l.Complete, l.Err, l.Migrate, l.Warnings)
	}
	for _, e := range l.Entries[:3] {
		p := e.Profile
		if p.Default || !p.Start || p.PriorState != "" || e.Stale || p.Dir != home+"/"+p.Name {
			t.Errorf("%+v, stale %v", p, e.Stale)
		}
	}
	if w := v.RemoveStale(entryOf(t, l, "b").Profile); len(w) > 0 || missingIn(home, "b/gateway.pid") {
		t.Errorf("the layout has no stale files: %q", w)
	}
	if exists, err := v.Exists("a"); !exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
}

// A home that is the profiles folder may not be mounted while it holds no profile.
func TestHomeWithoutAProfileIsIncomplete(t *testing.T) {
	home := newHome(t)
	put(t, home, "logs/tenant.yaml", "")
	put(t, home, "plain/notes", "")
	l := openLayout(t, home, tenants()).Scan(Options{Autostart: Auto})
	want := []string{`home "` + home + `" has no profile: is the volume mounted?`}
	if diff := cmp.Diff(want, l.Warnings); diff != "" || l.Complete || l.ProfilesID == (FileID{}) {
		t.Errorf("complete %v, folder %v, warnings -want +got:\n%s", l.Complete, l.ProfilesID, diff)
	}
}

func TestLayoutNamesTheFiles(t *testing.T) {
	home := newHome(t)
	put(t, home, "users/ann/config", "")
	put(t, home, "users/ann/intent.json", `{"desired_state": "Running"}`)
	put(t, home, "users/ann/pid", "1")
	put(t, home, "users/ann/gateway.pid", "1")
	put(t, home, "users/bob/SOUL.md", "")
	put(t, home, "users/default/config", "")
	l := DefaultLayout()
	l.Profiles, l.Marker, l.Prefix, l.StateFile, l.StaleFiles = "users", "config", "u-", "intent.json", []string{"pid"}
	v := openLayout(t, home, l)
	list := v.Scan(Options{Autostart: Auto, Legacy: true})
	want := []string{
		"default|u-default|" + legacyReason,
		`ann|u-ann|desired_state "Running" in intent.json starts nothing: it differs from "running" in letter case or white space`,
		"bob||no config", "default||the name is reserved for the home itself",
	}
	if diff := cmp.Diff(want, rowsOf(list)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if w := v.RemoveStale(entryOf(t, list, "ann").Profile); len(w) > 0 || !missingIn(home, "users/ann/pid") || missingIn(home, "users/ann/gateway.pid") {
		t.Errorf("only pid is stale: %q", w)
	}
	if err := v.Migrate(time.Unix(0, 0)); err != nil || missingIn(home, "intent.json") {
		t.Errorf("the state goes into intent.json: %v", err)
	}
	warning := []string{"users/default/ exists — skipping to avoid colliding with the reserved root-profile s6 slot"}
	if diff := cmp.Diff(warning, list.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestEveryDirectoryIsAProfileWithoutAMarker(t *testing.T) {
	home := newHome(t)
	mkdir(t, home, "profiles/a")
	put(t, home, "profiles/file", "")
	put(t, home, "gateway_state.json", "{}")
	link(t, home, "profiles/b", "a")
	l := DefaultLayout()
	l.Marker, l.DefaultProfile = "", false
	list := openLayout(t, home, l).Scan(Options{Autostart: Auto, Multiplex: "on", Legacy: true})
	const why = "no state recorded in gateway_state.json"
	want := []string{"a|gateway-a|" + why, "b|gateway-b|" + why, "file||not a directory"}
	if diff := cmp.Diff(want, rowsOf(list)); diff != "" || list.Autostart != Recorded || list.Migrate {
		t.Errorf("autostart %s, migrates %v, -want +got:\n%s", list.Autostart, list.Migrate, diff)
	}
}

func TestRootDependsOnTheLayout(t *testing.T) {
	other := DefaultLayout()
	other.StateFile, other.Prefix, other.StaleFiles = "", "u-", nil
	for _, l := range []Layout{DefaultLayout(), other} {
		if got := l.Root("/opt/data/profiles/coder"); got != "/opt/data" {
			t.Error(got)
		}
	}
	for _, change := range []func(*Layout){
		func(l *Layout) { l.Profiles = "." }, func(l *Layout) { l.Profiles = "users" },
		func(l *Layout) { l.Marker = "" }, func(l *Layout) { l.DefaultProfile = false },
	} {
		l := DefaultLayout()
		change(&l)
		for _, home := range []string{"/opt/data/profiles/coder", "/opt/data/users/coder"} {
			if got := l.Root(home); got != home {
				t.Errorf("%+v: %s", l, got)
			}
		}
	}
}

func TestLayoutCheck(t *testing.T) {
	long := strings.Repeat("a", 251)
	tests := []struct {
		change        func(*Layout)
		setting, want string // no setting: the layout works
	}{
		{func(*Layout) {}, "", ""},
		{func(l *Layout) { *l = tenants() }, "", ""},
		{func(l *Layout) { l.Prefix = "0-a-" }, "", ""},
		{func(l *Layout) { l.Prefix = "s6x-" }, "", ""},
		{func(l *Layout) { l.Prefix = "gateway" }, "prefix", "does not match"},
		{func(l *Layout) { l.Prefix = "-" }, "prefix", "does not match"},
		{func(l *Layout) { l.Prefix = "a_b-" }, "prefix", "does not match"},
		{func(l *Layout) { l.Prefix = "a-\n" }, "prefix", "does not match"},
		{func(l *Layout) { l.Prefix = "s6-" }, "prefix", "s6 itself"},
		{func(l *Layout) { l.Prefix = "s6rc-" }, "prefix", "s6 itself"},
		{func(l *Layout) { l.Prefix = "s6-linux-" }, "prefix", "s6 itself"},
		{func(l *Layout) { l.Prefix = long[:248] + "-" }, "", ""},
		{func(l *Layout) { l.Prefix = long[:249] + "-" }, "prefix", "no room"},
		{func(l *Layout) { l.Profiles = "a/b" }, "profiles", "has a slash"},
		{func(l *Layout) { l.Profiles = "/srv" }, "profiles", "has a slash"},
		{func(l *Layout) { l.Profiles = ".." }, "profiles", "not the name"},
		{func(l *Layout) { l.Profiles = "logs" }, "profiles", "own logs"},
		{func(l *Layout) { l.Profiles, l.Marker = ".", "" }, "profiles", "without a marker"},
		{func(l *Layout) { l.Marker = "." }, "marker", "not the name"},
		{func(l *Layout) { l.Marker = "a/b" }, "marker", "has a slash"},
		{func(l *Layout) { l.Marker = long }, "marker", "longer than 250 bytes"},
		{func(l *Layout) { l.Marker = "profiles" }, "marker", "--profiles names it too"},
		{func(l *Layout) { l.StateFile = "SOUL.md" }, "state-file", "--marker names it too"},
		{func(l *Layout) { l.StaleFiles = []string{"a", "gateway_state.json"} }, "stale-files", "--state-file names it too"},
		{func(l *Layout) { l.StaleFiles = []string{"a", "SOUL.md"} }, "stale-files", "--marker names it too"},
		{func(l *Layout) { l.StaleFiles = []string{"a", "a"} }, "stale-files", "--stale-files names it too"},
		{func(l *Layout) { l.StaleFiles = []string{"a", ""} }, "stale-files", "empty"},
	}
	for _, tt := range tests {
		l := DefaultLayout()
		tt.change(&l)
		err := l.Check()
		lerr, isLayout := errors.AsType[LayoutError](err)
		switch {
		case tt.setting == "" && err != nil:
			t.Errorf("%+v: %v", l, err)
		case tt.setting != "" && (!isLayout || lerr.Setting != tt.setting || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: %v, want %s and %q", l, err, tt.setting, tt.want)
		}
	}
}

func TestLayoutCheckPolicy(t *testing.T) {
	noDefault, noState := DefaultLayout(), DefaultLayout()
	noDefault.DefaultProfile, noState.StateFile = false, ""
	tests := []struct {
		layout  Layout
		refused []Policy
	}{
		{DefaultLayout(), nil},
		{noDefault, []Policy{Multiplex}},
		{noState, []Policy{Recorded, Multiplex}},
	}
	for _, tt := range tests {
		var refused []Policy
		for _, p := range []Policy{Auto, Recorded, Multiplex, All, None} {
			if err := tt.layout.CheckPolicy(p); err != nil {
				refused = append(refused, p)
				if hint.Of(err) == "" {
					t.Errorf("%v: no hint", err)
				}
			}
		}
		if diff := cmp.Diff(tt.refused, refused); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLongestNameDependsOnThePrefix(t *testing.T) {
	l := tenants()
	longest := strings.Repeat("a", 250-len(l.Prefix))
	if why := l.CheckName(longest); why != "" {
		t.Error(why)
	}
	if why := l.CheckName(longest + "a"); why != "name has 244 bytes, more than 243" {
		t.Error(why)
	}
	if n := len("." + l.Service(longest) + ".new"); n != 255 {
		t.Error(n)
	}
}
