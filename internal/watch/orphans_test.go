package watch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slotgen/internal/asuser"
	"slotgen/scan"
)

// confirmed makes the looks that the schedule asks for until the orphan is confirmed, and
// returns how long that takes and the number of looks. Look is called before each one.
func confirmed(o *orphans, look func(n int) (services []string)) (took time.Duration, n int) {
	for start := time.Now(); ; time.Sleep(time.Until(o.next.earliest())) {
		o.next.take(time.Now())
		n++
		if len(o.Confirm(look(n))) > 0 {
			return time.Since(start), n
		}
	}
}

func TestOrphanIsLookedAtSeveralTimesInItsConfirmationPeriod(t *testing.T) {
	for after, want := range map[time.Duration]int{2 * time.Second: 5, time.Minute: 5, 10 * time.Minute: 41} {
		synctest.Test(t, func(t *testing.T) {
			o := newOrphans(after, schedule{}, scan.DefaultLayout())
			took, n := confirmed(o, func(int) []string { return []string{"gateway-a"} })
			if took != after || n != want {
				t.Errorf("confirmed after %s and %d looks, want %s and %d", took, n, after, want)
			}
		})
	}
}

// Its profile is there at the third look, without any event, or the look left doubt.
func TestLookThatFindsNoOrphanRestartsTheConfirmationPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrphans(time.Minute, schedule{}, scan.DefaultLayout())
		took, _ := confirmed(o, func(n int) []string {
			if n == 3 {
				o.next.add(time.Now().Add(15*time.Second), "a") // the event of its end
				return nil
			}
			return []string{"gateway-a"}
		})
		if want := 45*time.Second + time.Minute; took != want {
			t.Errorf("confirmed after %s, want %s", took, want)
		}
	})
}

// The profile may be gone again at the next look, without any event.
func TestResetRestartsTheConfirmationPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the fake clock moves only in confirmed
		services := []string{"gateway-a"}
		o := newOrphans(time.Minute, schedule{}, scan.DefaultLayout())
		again := func(int) []string { return services }
		confirmed(o, again)
		if got := o.Confirm(services); !slices.Equal(got, services) {
			t.Fatalf("confirmed are %q, want %q", got, services)
		}
		o.Reset("gateway-a")
		if took, _ := confirmed(o, again); took != time.Minute {
			t.Errorf("confirmed %s after the reset", took)
		}
	})
}

func TestWatchDoubtsAListingThatMayNotBeOfItsVolume(t *testing.T) {
	list := func(home string, files ...string) scan.Listing {
		t.Helper()
		for _, file := range files {
			write(t, home+"/profiles/"+file)
		}
		v, err := scan.Open(home, scan.DefaultLayout(), asuser.User{}, func(string, time.Duration) {})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		return v.Scan(scan.Options{Autostart: scan.Recorded})
	}
	home, other := t.TempDir(), t.TempDir()
	missing := list(home)
	first := list(home, "a/SOUL.md")
	elsewhere := list(other, "a/SOUL.md")
	empty := list(t.TempDir(), "notes/x", "default/SOUL.md", "Upper/SOUL.md")
	for _, tt := range []struct {
		what  string
		looks []scan.Listing
		doubt string
	}{
		{"the same profiles/", []scan.Listing{first, first}, ""},
		{"a profile more", []scan.Listing{first, list(home, "b/SOUL.md")}, ""},
		{"no profiles/ at first", []scan.Listing{missing, first}, ""},
		{"another profiles/", []scan.Listing{first, elsewhere}, "another directory"},
		{"no profiles/ at first, then another one", []scan.Listing{missing, first, elsewhere}, "another directory"},
		{"profiles/ is back", []scan.Listing{first, elsewhere, first}, ""},
		{"no profile", []scan.Listing{empty}, "holds no profile"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			o := newOrphans(time.Minute, schedule{}, scan.DefaultLayout())
			var err error
			for _, l := range tt.looks {
				err = o.Doubt(l)
			}
			if tt.doubt == "" && err != nil || tt.doubt != "" && (err == nil || !strings.Contains(err.Error(), tt.doubt)) {
				t.Errorf("error %v, want %q", err, tt.doubt)
			}
		})
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
}
