package notify

import (
	"os"
	"path/filepath"
	"testing"

	"slotgen/internal/testenv"
)

func TestChangedTemplateIsReportedForItsProfiles(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many looks, one after the other")
	}
	t.Parallel()
	everything := Change{All: true}
	l := startTemplates(t, func(l *fixture) { l.template("run.tmpl", "1") })
	l.write(filepath.Join(l.templates, "run.tmpl"), "2")
	l.want("a template is written to", everything)
	l.template("data/note.tmpl", "")
	l.want("one in a new directory", everything)
	l.template("data/more/note.tmpl", "")
	l.want("one further down", everything)
	l.template("profiles/coder/run.tmpl", "")
	l.want("a profile's own", Change{Profiles: []string{"coder"}})
	l.template("profiles/writer/run.tmpl", "")
	l.template("profiles/coder/data/x.tmpl", "")
	l.want("two profiles' own", Change{Profiles: []string{"coder", "writer"}})
	l.template("README", "")
	l.template(".run.tmpl.swp", "")
	l.silent("files that are no templates")
	if err := os.Chmod(filepath.Join(l.templates, "run.tmpl"), 0o666); err != nil {
		t.Fatal(err)
	}
	l.want("a template that others may write", everything)
	if err := os.Rename(filepath.Join(l.templates, "profiles/coder"), filepath.Join(t.TempDir(), "coder")); err != nil {
		t.Fatal(err)
	}
	l.want("a profile's own are gone", Change{Profiles: []string{"coder"}})
}

func TestTemplateThatKeepsItsSizeAndTimeIsReported(t *testing.T) {
	t.Parallel()
	everything := Change{All: true}
	l := startTemplates(t, func(l *fixture) { l.template("run.tmpl", "1") })
	file := filepath.Join(l.templates, "run.tmpl")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	stamp := fileStamp(before, nil)
	testenv.WaitFor(t, "a change to have another time", func() bool {
		l.write(file, "2")
		if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(file)
		return fileStamp(after, err) != stamp
	})
	l.want("a text of the same size and time", everything)
	testenv.NeedRoot(t, "gives a file away")
	if err := os.Chown(file, 12345, -1); err != nil {
		t.Fatal(err)
	}
	l.want("a template that changes hands", everything)
}

func TestOverrideDirectoryItselfMayComeAndGo(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many looks, one after the other")
	}
	t.Parallel()
	everything := Change{All: true}
	l := startTemplates(t, func(l *fixture) {
		if err := os.RemoveAll(filepath.Dir(l.templates)); err != nil {
			t.Fatal(err)
		}
	})
	l.template("run.tmpl", "")
	l.want("it is made, and the directory above it", everything)
	if err := os.Rename(l.templates, l.templates+".old"); err != nil {
		t.Fatal(err)
	}
	l.want("it is moved away", everything)
	if err := os.Symlink("templates.old", l.templates); err != nil {
		t.Fatal(err)
	}
	l.want("a link takes its place", everything)
	l.template("finish.tmpl", "")
	l.want("a template behind the link", everything)
	if err := os.RemoveAll(filepath.Dir(l.templates)); err != nil {
		t.Fatal(err)
	}
	l.want("all is deleted", everything)
	l.template("run.tmpl", "")
	l.want("all is made again", everything)
}

// The kubelet replaces the link ..data. The visible files are links through it and stay.
func TestConfigMapThatIsReplacedIsOneChange(t *testing.T) {
	t.Parallel()
	version := func(l *fixture, name string) {
		l.template("..v"+name+"/run", name)
		if err := os.Symlink("..v"+name, l.templates+"/..data_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(l.templates+"/..data_tmp", l.templates+"/..data"); err != nil {
			t.Fatal(err)
		}
	}
	l := startTemplates(t, func(l *fixture) {
		version(l, "1")
		if err := os.Symlink("..data/run", l.templates+"/run.tmpl"); err != nil {
			t.Fatal(err)
		}
	})
	version(l, "2")
	changes := 0
	for _, c := range append([]Change{l.next()}, l.reported()...) {
		if c.All {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("another version was told as %d changes", changes)
	}
}
