package scandir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
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

func TestOtherWritersOfTheScandirAreNamed(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if got := d.Risks(); len(got) > 0 {
		t.Errorf("risks %q of a scandir that is ours", got)
	}
	for mode, want := range map[uint32]string{0o777: "everybody, who", 0o1777: "everybody, within the sticky bit's limits, who"} {
		if err := unix.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := d.Risks(); len(got) != 1 || got[0] != "scandir \""+path+"\" is writable by "+want+" is thereby root" {
			t.Errorf("mode %o: risks %q", mode, got)
		}
	}
	testenv.NeedRoot(t, "gives the scandir to another user")
	if err := unix.Chown(path, 4242, -1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := d.Risks(); len(got) != 1 || got[0] != "scandir \""+path+"\" is writable by uid 4242, who is thereby root" {
		t.Errorf("risks %q", got)
	}
}

// Who may rename a directory above the scandir puts another scandir there.
func TestWritersAboveTheScandirAreNamed(t *testing.T) {
	above := t.TempDir()
	path := filepath.Join(above, "run/service")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[uint32]string{
		0o755: "", 0o1777: "", 0o777: fmt.Sprintf("%q, above the scandir, is writable by everybody, who is thereby root", above),
	} {
		if err := unix.Chmod(above, mode); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(open(t, path).Risks(), "\n"); got != want {
			t.Errorf("mode %o: %q, want %q", mode, got, want)
		}
	}
}

func TestWritersByAnAccessControlListAreNamed(t *testing.T) {
	path := t.TempDir()
	// user::rwx, user:4242:rwx, group::r-x, mask::rwx, other::r-x (acl(5))
	list := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, bits uint16
		id        uint32
	}{{0x01, 7, math.MaxUint32}, {0x02, 7, 4242}, {0x04, 5, math.MaxUint32}, {0x10, 7, math.MaxUint32}, {0x20, 5, math.MaxUint32}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.bits)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	err := unix.Setxattr(path, "system.posix_acl_access", list, 0)
	testenv.Need(t, !errors.Is(err, unix.ENOTSUP), "needs a file system with access control lists")
	if err != nil {
		t.Fatalf("giving %q an access control list: %v", path, err)
	}
	want := "scandir \"" + path + "\" is writable by whom its access control list names, who is thereby root"
	if got := open(t, path).Risks(); len(got) != 1 || got[0] != want {
		t.Errorf("risks %q", got)
	}
}
