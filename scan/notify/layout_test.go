package notify

import (
	"testing"

	"slotgen/scan"
)

// The home itself holds the profiles: its entries wait for the marker of the layout.
func TestEntriesOfTheHomeItselfAreReported(t *testing.T) {
	l := newFixture(t)
	l.put("old/tenant.yaml")
	layout := scan.Layout{Profiles: ".", Marker: "tenant.yaml", Prefix: "tenant-"}
	l.changes = Start(t.Context(), Options{Home: l.home, Layout: layout, Templates: l.templates, Interval: never, Slow: neverSlow})
	l.put("waits/file")
	l.put("plain/SOUL.md")
	l.put("profiles/coder/SOUL.md")
	l.put("logs/tenant.yaml")
	l.put("tenant.yaml")
	l.silent("entries that are no tenants")
	l.put("waits/tenant.yaml")
	l.want("a marker", Change{Profiles: []string{"waits"}})
	l.put("default/tenant.yaml")
	l.want("the name of the default profile", Change{Profiles: []string{"default"}})
	l.remove("old")
	l.want("a tenant that goes", Change{Gone: []string{"old"}})
}

func TestFolderAndMarkerOfTheLayoutAreWatched(t *testing.T) {
	l := newFixture(t)
	l.put("profiles/coder/SOUL.md")
	layout := scan.DefaultLayout()
	layout.Profiles, layout.Marker = "users", ""
	l.changes = Start(t.Context(), Options{Home: l.home, Layout: layout, Templates: l.templates, Interval: never, Slow: neverSlow})
	l.put("profiles/other/SOUL.md")
	l.silent("another folder")
	l.put("users/ann/file")
	l.want("the folder", Change{All: true})
	l.put("users/bob/file")
	l.want("a directory", Change{Profiles: []string{"bob"}})
	l.put("users/default/file")
	l.want("the reserved name", Change{Profiles: []string{"default"}})
}
