package notify

import (
	"os"
	"path/filepath"
	"testing"
)

func TestChangedDataIsReported(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) {
		l.layout.Data = "t.yaml"
		l.put("profiles/a/SOUL.md")
		l.put("profiles/b/SOUL.md")
		l.put("profiles/b/t.yaml")
	})
	write := func(name, text string) { // with one rename, which is one event
		l.write(filepath.Join(l.home, ".staged"), text)
		l.rename(".staged", name)
	}
	write("profiles/a/t.yaml", "a: 1")
	l.want("a new data file", Change{Profiles: []string{"a"}})
	l.append("profiles/a/t.yaml", "2")
	l.want("a data file that is written", Change{Profiles: []string{"a"}})
	write("profiles/a/staged", "a: 3")
	l.silent("another file of a profile")
	l.rename("profiles/a/staged", "profiles/a/t.yaml")
	l.want("a data file that is replaced", Change{Profiles: []string{"a"}})
	l.remove("profiles/b/t.yaml")
	l.want("a data file that is removed", Change{Profiles: []string{"b"}})
	write("t.yaml", "a: 1")
	l.want("the data file of the default profile", Change{Profiles: []string{"default"}})
	l.put("profiles/c/SOUL.md")
	l.want("a new profile", Change{Profiles: []string{"c"}})
	write("profiles/c/t.yaml", "a: 1")
	l.want("the data file of a new profile", Change{Profiles: []string{"c"}})
}

// append writes to the end of a file in one call.
func (l *fixture) append(name, text string) {
	l.t.Helper()
	f, err := os.OpenFile(filepath.Join(l.home, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		l.t.Fatal(err)
	}
}

func TestDataIsNotWatchedWithoutTheSetting(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) { l.put("profiles/a/SOUL.md") })
	l.put("profiles/a/t.yaml")
	l.silent("a file of a profile")
}

// A data file that comes through the link of a ConfigMap changes by a new link.
func TestDataOfAConfigMapIsWatched(t *testing.T) {
	t.Parallel()
	l := start(t, func(l *fixture) {
		l.layout.Data = "t.yaml"
		l.put("profiles/a/SOUL.md")
		l.put("profiles/a/..v1/t.yaml")
		l.put("profiles/a/..v2/t.yaml")
		l.link("..v1", "profiles/a/..data")
		l.link("..data/t.yaml", "profiles/a/t.yaml")
	})
	l.link("..v2", "profiles/a/..next")
	l.rename("profiles/a/..next", "profiles/a/..data")
	l.want("a new link ..data", Change{Profiles: []string{"a"}})
}
