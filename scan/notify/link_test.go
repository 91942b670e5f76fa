package notify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinkWhoseTargetComesIsReported(t *testing.T) {
	l := start(t, func(l *fixture) {
		l.put("profiles/a/SOUL.md")
		l.link("../stage/early", "profiles/early")
	})
	l.link("../stage/late", "profiles/late")
	l.want("a new link that leads nowhere", Change{Profiles: []string{"late"}})
	l.silent("links that lead nowhere")
	l.put("stage/early/SOUL.md")
	wantNext := func(what, name string) { // there is no event
		t.Helper()
		if diff := cmp.Diff(Change{Profiles: []string{name}}, l.next()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	wantNext("the target of a link that was there before", "early")
	l.put("stage/late/SOUL.md")
	wantNext("the target of a new link", "late")
	l.remove("profiles/late")
	l.want("a link that is deleted", Change{Gone: []string{"late"}})
}
