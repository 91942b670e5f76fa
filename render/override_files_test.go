package render

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/scan"
)

func TestFilesThatAreNoTemplatesAreAWarning(t *testing.T) {
	set := load(t, overrides(t, map[string]string{"README": "", "run": "", ".hidden": "", ".git/config.tmpl": ""}))
	if len(set.Warnings) != 2 || !strings.Contains(set.Warnings[0], `README" in the override directory is no template`) {
		t.Errorf("warnings %q", set.Warnings)
	}
}

func TestLinkThatLeadsNowhereIsAWarningUnlessItIsNamedLikeATemplate(t *testing.T) {
	dir := overrides(t, nil)
	symlink(t, dir, "README", "gone")
	symlink(t, dir, "again", "again")
	symlink(t, dir, "log", "/etc/elsewhere")
	set := load(t, dir)
	if len(set.Warnings) != 3 || !strings.Contains(set.Warnings[0], `README" in the override directory is ignored: link leads nowhere`) {
		t.Errorf("warnings %q", set.Warnings)
	}
	if _, _, err := set.Slot(coder()); err != nil {
		t.Errorf("error %v, want a slot", err)
	}
}

func TestDirectoryOfAProfileThatCannotBeReadFailsThatProfileOnly(t *testing.T) {
	for name, file := range map[string]string{"whole": "profiles/coder", "in part": "profiles/coder/log"} {
		t.Run(name, func(t *testing.T) {
			dir := overrides(t, map[string]string{"profiles/writer/finish.tmpl": ""})
			deep := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(deep), 0o755); err != nil {
				t.Fatal(err)
			}
			symlink(t, dir, file, "/etc/elsewhere")
			set := load(t, dir)
			p := coder()
			_, _, err := set.Slot(p)
			if want := "template " + deep + ": link leads out of the override directory"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
			p.Name = "writer"
			if _, _, err := set.Slot(p); err != nil {
				t.Errorf("another profile: %v", err)
			}
		})
	}
}

// Without a bound slotgen would follow ten links to the directory itself 100 million times.
func TestLinksInCirclesAreRefusedInTime(t *testing.T) {
	dir := overrides(t, map[string]string{"run.tmpl": "#!/bin/sh\n"})
	for i := range 10 {
		if err := os.Symlink(".", filepath.Join(dir, fmt.Sprint("again", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir, scan.DefaultLayout()); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("error %v, want that there are too many", err)
	}
}

func FuzzOverridePath(f *testing.F) {
	for _, seed := range []string{"run", "log/run", "data/x", "rnu", "../run", "log/log", "", "env/", "down", "data/../../x", "data//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, slotPath string) {
		if checkName(slotPath, "gateway-") == nil && (!fs.ValidPath(slotPath) || slotPath == DownFile) {
			t.Errorf("%q is taken", slotPath)
		}
	})
}
