package render_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/testenv"
	"slotgen/render"
)

func TestExportOverADirectoryWritesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "run.tmpl"), 0o755); err != nil {
		t.Fatal(err)
	}
	written, err := render.ExportTo(dir, false)
	if !errors.Is(err, fs.ErrExist) || len(written) > 0 || len(entries(t, dir)) != 1 {
		t.Errorf("wrote %q, error %v, and left %q", written, err, entries(t, dir))
	}
}

// A failed export leaves no temporary file.
func TestFailedExportLeavesNoTempFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "slotgen/up/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := render.WriteS6RC(dir, "/usr/bin/slotgen"); err == nil {
		t.Error("a directory was replaced by a file")
	}
	for _, name := range entries(t, filepath.Join(dir, "slotgen")) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("left %q", name)
		}
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// texts returns the contents of the files below a directory by their paths.
func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestConcurrentExportsSucceedAndLeaveNothingElse(t *testing.T) {
	for name, export := range map[string]func(dir string) ([]string, error){
		"templates": func(dir string) ([]string, error) { return render.ExportTo(dir, true) },
		"s6-rc":     func(dir string) ([]string, error) { return render.WriteS6RC(dir, "/usr/bin/slotgen") },
		"watch":     func(dir string) ([]string, error) { return render.WriteWatch(dir, "/usr/bin/slotgen") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := testenv.MemDir(t)
			if _, err := export(filepath.Join(dir, "alone")); err != nil {
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
			if diff := cmp.Diff(texts(t, filepath.Join(dir, "alone")), texts(t, filepath.Join(dir, "at once"))); diff != "" {
				t.Errorf("(-alone +at once):\n%s", diff)
			}
		})
	}
}
