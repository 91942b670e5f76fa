package scandir

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// upStatus returns the contents of supervise/status for a service that is up.
func upStatus(pid uint64) string {
	status := make([]byte, 35)
	binary.BigEndian.PutUint64(status[24:], pid)
	return string(status)
}

// clearedInSteps sweeps and prunes as a watch does, and returns the warnings.
func clearedInSteps(l Drain, d *Dir, wanted func(service string) bool) []string {
	l.Keep(d)
	leftovers, warnings := clearAll(d, func(service string) bool { return wanted(service) && !l.Has(service) })
	for name, err := range l.Step(context.Background(), d, leftovers) {
		if !errors.Is(err, ErrDraining) {
			warnings = append(warnings, d.LeftoverError(name, err).Error())
		}
	}
	return warnings
}

// inBubble returns a test that runs f in a synctest bubble. The clock of the bubble advances
// only while the program sleeps.
func inBubble(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		t.Helper()
		synctest.Test(t, f)
	}
}

func TestStepWaitsForNothing(t *testing.T) {
	const limit = 4 * (stepLimit + pollEvery) // four steps
	wanted := func(string) bool { return false }
	t.Run("a service that is up", inBubble(func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		drain := Drain{}
		slot := filepath.Join(path, "gateway-a")
		write(t, slot+"/supervise/lock", "")
		write(t, slot+"/supervise/status", upStatus(1))
		release := hold(t, slot+"/supervise/lock")
		start := time.Now()
		for range 3 {
			if err := drain.Step(t.Context(), d, []string{"gateway-a"})["gateway-a"]; !errors.Is(err, ErrDraining) {
				t.Errorf("got %v, want that it is leaving", err)
			}
		}
		if took := time.Since(start); took > limit {
			t.Errorf("it took %s", took)
		}
		if got := drain.Asked(); !slices.Equal(got, []string{"gateway-a"}) || !slices.Equal(names(t, path), got) {
			t.Errorf("asked %q, the scandir holds %q", got, names(t, path))
		}
		release()
		if errs := drain.Step(t.Context(), d, []string{"gateway-a"}); len(errs) > 0 || len(names(t, path)) > 0 || len(drain.Asked()) > 0 {
			t.Errorf("once it is down: %v, left %q", errs, names(t, path))
		}
	}))
	t.Run("a supervisor that stays", inBubble(func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		drain := Drain{}
		lock := filepath.Join(path, "gateway-a/supervise/lock")
		write(t, lock, "")
		write(t, filepath.Join(filepath.Dir(lock), "status"), upStatus(0))
		release := hold(t, lock)
		start := time.Now()
		if errs := drain.Step(t.Context(), d, []string{"gateway-a"}); len(errs) > 0 {
			t.Errorf("out of sight it is still an error: %v", errs)
		}
		for range 3 {
			if w := clearedInSteps(drain, d, wanted); len(w) > 0 {
				t.Errorf("warnings %q", w)
			}
		}
		if took := time.Since(start); took > limit {
			t.Errorf("it took %s", took)
		}
		services, stuck := drain.Unfinished()
		if !slices.Equal(services, []string{"gateway-a"}) || len(stuck) > 0 {
			t.Errorf("unfinished %q, stuck %q", services, stuck)
		}
		release()
		// A slot that a prune has hidden is not restored, even if its profile exists again.
		if w := clearedInSteps(drain, d, func(string) bool { return true }); len(w) > 0 || len(names(t, path)) > 0 {
			t.Errorf("once it has ended: warnings %q, left %q", w, names(t, path))
		}
		if services, stuck = drain.Unfinished(); len(services)+len(stuck) > 0 {
			t.Errorf("still unfinished: %q, stuck %q", services, stuck)
		}
	}))
}

// The access form owner lets the user replace s6's own files.
func TestPruneDoesNotWaitForAPipeInPlaceOfAStatus(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	supervise := filepath.Join(path, "gateway-a/supervise")
	write(t, supervise+"/lock", "")
	if err := unix.Mkfifo(supervise+"/status", 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(supervise+"/status", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	defer hold(t, supervise+"/lock")()
	drain := Drain{}
	drain.Step(t.Context(), d, []string{"gateway-a"}) // it must not wait for the pipe
}

func TestStepBeginsAServiceWhenTheEarlierOneOfItsNameIsGone(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	drain := Drain{}
	both := []string{".gateway-a.old", "gateway-a"}
	write(t, filepath.Join(path, "gateway-a/run"), "")
	lock := filepath.Join(path, ".gateway-a.old/supervise/lock")
	write(t, lock, "")
	release := hold(t, lock)
	for range 3 {
		if errs := drain.Step(t.Context(), d, both); !errors.Is(errs["gateway-a"], errNotBegun) || !slices.Equal(names(t, path), both) {
			t.Errorf("got %v, the scandir holds %q", errs, names(t, path))
		}
	}
	release()
	if errs := drain.Step(t.Context(), d, both); len(errs) > 0 || len(names(t, path)) > 0 {
		t.Errorf("once the earlier one has ended: %v, left %q", errs, names(t, path))
	}
}

func TestStepReportsASupervisorThatStaysAfterTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		d := open(t, path)
		drain := Drain{}
		lock := filepath.Join(path, ".gateway-a.old/supervise/lock")
		write(t, lock, "")
		defer hold(t, lock)()
		wanted := func(string) bool { return true }
		start := time.Now()
		for time.Since(start) < endLimit+loggerLimit-time.Second {
			if w := clearedInSteps(drain, d, wanted); len(w) > 0 {
				t.Fatalf("after %s: warnings %q", time.Since(start), w)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		if w := clearedInSteps(drain, d, wanted); len(w) != 1 {
			t.Errorf("warnings %q, want one", w)
		}
		if _, stuck := drain.Unfinished(); !slices.Equal(stuck, []string{"gateway-a"}) {
			t.Errorf("stuck %q", stuck)
		}
		// Another pass may clear it meanwhile.
		if err := d.removeAll(".gateway-a.old"); err != nil {
			t.Fatal(err)
		}
		clearedInSteps(drain, d, wanted)
		if services, stuck := drain.Unfinished(); len(services)+len(stuck) > 0 {
			t.Errorf("still unfinished: %q, stuck %q", services, stuck)
		}
	})
}

// Another pass may prune the service, and publish a new slot when its profile exists again.
func TestStepForgetsAServiceThatAnotherHasReplaced(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	drain := Drain{}
	slot := filepath.Join(path, "gateway-a")
	comesUp := func() (ends func()) {
		write(t, slot+"/supervise/lock", "")
		write(t, slot+"/supervise/status", upStatus(1))
		return hold(t, slot+"/supervise/lock")
	}
	ends := comesUp()
	drain.Step(t.Context(), d, []string{"gateway-a"})
	if got := drain.Asked(); !slices.Equal(got, []string{"gateway-a"}) {
		t.Fatalf("asked %q", got)
	}
	ends()
	if err := d.rename("gateway-a", ".gateway-a.old"); err != nil {
		t.Fatal(err)
	}
	defer comesUp()()
	if err := d.removeAll(".gateway-a.old"); err != nil {
		t.Fatal(err)
	}
	clearedInSteps(drain, d, func(string) bool { return true })
	if got := drain.Asked(); len(got) > 0 {
		t.Errorf("of the new service it still waits for %q to go", got)
	}
}

func TestPruneThatIsEndedHidesItsServicesAndBeginsNoOther(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	for _, name := range []string{"gateway-a", "gateway-b", ".gateway-b.old"} {
		write(t, filepath.Join(path, name, "supervise/lock"), "")
		write(t, filepath.Join(path, name, "supervise/status"), upStatus(1))
		defer hold(t, filepath.Join(path, name, "supervise/lock"))()
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	errs := d.Prune(ctx, []string{"gateway-a", ".gateway-b.old", "gateway-b"})
	wanted := map[string]error{"gateway-a": ErrDraining, ".gateway-b.old": ErrDraining, "gateway-b": errNotBegun}
	if !maps.EqualFunc(errs, wanted, errors.Is) {
		t.Errorf("errors %v, want %v", errs, wanted)
	}
	want := []string{".gateway-a.old", ".gateway-b.old", "gateway-b"}
	if got := names(t, path); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}
