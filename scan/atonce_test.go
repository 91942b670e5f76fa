package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"slotgen/internal/testenv"
)

// Passes that share a volume need not share a scandir, whose lock would part them. A disk
// lets them meet while one syncs its file; memory lets them meet more often.
func TestLogOfPassesAtOnceHasEveryLineOnce(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, home string){
		"a directory that is made": func(*testing.T, string) {},
		"a log that is made":       func(t *testing.T, home string) { mkdir(t, home, "logs") },
		"a log that is rotated": func(t *testing.T, home string) {
			put(t, home, "logs/container-boot.log", strings.Repeat("x", rotateSize)+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				home := t.TempDir()
				make(t, home)
				logAtOnce(t, home)
			}
			for range 50 {
				home := testenv.MemDir(t)
				make(t, home)
				logAtOnce(t, home)
			}
		})
	}
}

// logAtOnce has passes log at the same time, and looks for their lines.
func logAtOnce(t *testing.T, home string) {
	t.Helper()
	const passes, name = 8, "logs/container-boot.log"
	old, _ := os.ReadFile(filepath.Join(home, name))
	var group sync.WaitGroup
	for i := range passes {
		v := openVolume(t, home)
		group.Go(func() {
			if err := v.AppendBootLog(epoch, "box", []Outcome{{Profile: fmt.Sprintf("p%d", i)}}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	text := read(t, home, name)
	if len(old) > 0 {
		text += read(t, home, name+".1")
	}
	for i := range passes {
		if n := strings.Count(text, fmt.Sprintf(" profile=p%d ", i)); n != 1 {
			t.Errorf("the line of pass %d is there %d times", i, n)
		}
	}
	if !strings.Contains(text, string(old)) {
		t.Error("the old log is lost")
	}
}
