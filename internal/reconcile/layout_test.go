package reconcile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/scan"
)

// A home that holds the profiles itself and has none may not be mounted.
func TestHomeWithoutAProfilePrunesNothing(t *testing.T) {
	o, told := newOptions(t)
	o.Layout = scan.Layout{Profiles: ".", Marker: "tenant.yaml", Prefix: "tenant-"}
	o.Prune = true
	marker := filepath.Join(o.Home, "profiles", o.Layout.Marker)
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run := func() Report {
		t.Helper()
		report, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if got := run().Services(); !slices.Equal(got, []string{"tenant-profiles"}) {
		t.Errorf("published: %q", got)
	}
	if err := os.RemoveAll(filepath.Join(o.Home, "profiles")); err != nil {
		t.Fatal(err)
	}
	report := run()
	isDoubt := func(m message.Message) bool {
		return strings.HasPrefix(m.Text, "left alone 1 slot without a profile (tenant-profiles): ") && strings.Contains(m.Hint, "slotgen stop")
	}
	if len(report.Pruned) > 0 || !report.OK() || !slices.ContainsFunc(*told, isDoubt) {
		t.Errorf("pruned %q, told %+v", report.Pruned, *told)
	}
	if err := os.Mkdir(filepath.Join(o.Home, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Home, "other", o.Layout.Marker), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run().Pruned; !slices.Equal(got, []string{"tenant-profiles"}) {
		t.Errorf("with a tenant, it pruned %q", got)
	}
}

func TestUnknownProfileTellsWhereProfilesAre(t *testing.T) {
	o, _ := newOptions(t)
	o.Only = []string{"nobody"}
	for marker, want := range map[string]string{"tenant.yaml": " with a tenant.yaml", "": ""} {
		o.Layout.Profiles, o.Layout.Marker = "users", marker
		_, err := Run(t.Context(), o)
		if got, want := hint.Of(err), "profiles are the directories"+want+` in "`+o.Home+`/users"`; got != want {
			t.Errorf("hint %q, want %q", got, want)
		}
	}
}
