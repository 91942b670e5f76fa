package render_test

import (
	"os/exec"
	"path/filepath"
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
			out, err := exec.Command("diff", "-r", filepath.Join(dir, "alone"), filepath.Join(dir, "at once")).CombinedOutput()
			if err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}
