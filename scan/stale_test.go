package scan

import "testing"

// The directory may belong to another profile, whose gateway is live.
func TestProfileThatIsALinkKeepsItsStaleFiles(t *testing.T) {
	t.Parallel()
	outside := newHome(t)
	for _, target := range []string{"a", "../profiles/a", "a/inside", ".store", "..", "../elsewhere", outside} {
		home := newHome(t)
		for _, dir := range []string{"profiles/a/inside", "profiles/.store", "elsewhere"} {
			mkdir(t, home, dir)
		}
		link(t, home, "profiles/b", target)
		put(t, home, "profiles/b/gateway.pid", "1")
		if w := openVolume(t, home).RemoveStale(Profile{Name: "b"}); len(w) > 0 {
			t.Errorf("a link to %s: warnings %q", target, w)
		}
		if missingIn(home, "profiles/b/gateway.pid") {
			t.Errorf("a link to %s: a file behind it is gone", target)
		}
	}
}

func TestStaleFilesGoWhereAllProfilesAreBehindOneLink(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	link(t, home, "profiles", "elsewhere")
	put(t, home, "elsewhere/a/gateway.pid", "1")
	if w := openVolume(t, home).RemoveStale(Profile{Name: "a"}); len(w) > 0 || !missingIn(home, "elsewhere/a/gateway.pid") {
		t.Errorf("the stale file is still there, or warnings %q", w)
	}
}
