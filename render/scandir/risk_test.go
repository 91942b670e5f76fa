package scandir

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

func TestSuperviseDirectoryOfAnotherAccountInALiveSlotIsNamed(t *testing.T) {
	testenv.NeedRoot(t, "gives files away")
	d, dir := liveSlot(t, slot("#!/bin/sh\n"))
	plan := func(access Access) []string {
		t.Helper()
		p, err := d.Plan(slot("#!/bin/sh\n"), OwnersFor(access, 10000, 10001))
		if err != nil || p.Change != Unchanged {
			t.Errorf("change %q, %v", p.Change, err)
		}
		return p.Risks
	}
	if got := plan(AccessGroup); len(got) > 0 {
		t.Errorf("a slot as it is published: %q", got)
	}
	var want []string
	for _, name := range []string{"log/supervise", "supervise"} {
		path := filepath.Join(dir, name)
		if err := os.Chown(path, 10000, 10001); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%q belongs to uid 10000, who can thereby control the service and make root overwrite any file: chown -R root %[1]q takes it back", path))
	}
	for _, access := range []Access{AccessGroup, AccessEvents, AccessRoot} {
		if diff := cmp.Diff(want, plan(access)); diff != "" {
			t.Errorf("access %s (-want +got):\n%s", access, diff)
		}
	}
	if got := plan(AccessOwner); len(got) > 0 {
		t.Errorf("access owner: %q", got)
	}
}

func TestServiceWhoseSuperviseDirectoryIsAnotherAccountsIsNamed(t *testing.T) {
	testenv.NeedRoot(t, "gives files away")
	dir := t.TempDir()
	supervise := filepath.Join(dir, "supervise")
	check := func(what, want string) {
		t.Helper()
		if got := ServiceRisk(dir); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("no supervisor", "")
	if err := os.Mkdir(supervise, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(supervise, 10000, 10001); err != nil {
		t.Fatal(err)
	}
	check("a directory that no s6-supervise made", "")
	if err := unix.Mkfifo(filepath.Join(supervise, "control"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("the user's", fmt.Sprintf("%q belongs to uid 10000, who can thereby control the service and make root overwrite any file", supervise))
	if err := os.Chown(supervise, 0, 10001); err != nil {
		t.Fatal(err)
	}
	check("root's", "")
}
