package render_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"slotgen/render"
)

func TestExportsAtOnceAllEndWellAndLeaveNothingElse(t *testing.T) {
	for name, export := range map[string]func(dir string) ([]string, error){
		"templates": func(dir string) ([]string, error) { return render.ExportTo(dir, true) },
		"s6-rc":     func(dir string) ([]string, error) { return render.WriteS6RC(dir, "/usr/bin/slotgen") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			alone, err := export(filepath.Join(dir, "alone"))
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						if _, err := export(filepath.Join(dir, "at once")); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			}
			for _, path := range alone {
				other := strings.Replace(path, "alone", "at once", 1)
				if got, want := read(t, other), read(t, path); got != want {
					t.Errorf("%s is %q, want %q", other, got, want)
				}
			}
			if got := len(files(t, filepath.Join(dir, "at once"))); got != len(alone) {
				t.Errorf("%d files, want %d", got, len(alone))
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
