package watch

import "testing"

func TestLinkWhoseTargetComesIsTold(t *testing.T) {
	l := start(t, func(l *lookout) {
		l.put("profiles/a/SOUL.md")
		l.link("../stage/early", "profiles/early")
	})
	l.link("../stage/late", "profiles/late")
	l.silent("links that lead nowhere")
	l.put("stage/early/SOUL.md")
	l.want("the target of a link that was there before", Change{Profiles: []string{"early"}})
	l.put("stage/late/SOUL.md")
	l.want("the target of a new link", Change{Profiles: []string{"late"}})
	l.remove("profiles/late")
	l.want("a link that is deleted", Change{Gone: []string{"late"}})
}
