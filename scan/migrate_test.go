package scan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/asuser"
	"slotgen/internal/testenv"
)

var epoch = time.Date(2026, 5, 21, 6, 18, 5, 0, time.UTC)

func TestLegacyContainerStartsItsGatewayUnlessAStateIsRecorded(t *testing.T) {
	const state = "gateway_state.json"
	tests := []struct {
		name    string
		make    func(t *testing.T, home string)
		policy  Policy
		migrate bool
	}{
		{"nothing recorded", func(*testing.T, string) {}, Recorded, true},
		{"nothing recorded, multiplex", func(*testing.T, string) {}, Multiplex, true},
		{"nothing recorded, another container's", func(*testing.T, string) {}, None, false},
		{"stopped", func(t *testing.T, home string) { put(t, home, state, `{"desired_state": "stopped"}`) }, Recorded, false},
		{"garbage", func(t *testing.T, home string) { put(t, home, state, `{`) }, Recorded, false},
		{"a link that leads nowhere", func(t *testing.T, home string) { link(t, home, state, "gone") }, Recorded, false},
		{"a FIFO", func(t *testing.T, home string) { fifo(t, home, state) }, Recorded, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := newHome(t)
			tt.make(t, home)
			l := scanWith(t, home, Options{Autostart: tt.policy, Legacy: true})
			e := entryOf(t, l, DefaultName)
			if l.Migrate != tt.migrate || e.Profile.Start != tt.migrate || e.Intent.Starts() != tt.migrate {
				t.Errorf("migrate %v, start %v, intent %s; want %v", l.Migrate, e.Profile.Start, e.Intent, tt.migrate)
			}
			if tt.migrate && e.Reason != "the container's command is gateway run, as before s6" {
				t.Errorf("reason %q", e.Reason)
			}
		})
	}
}

func TestMigratedStateBelongsToTheUserAndIsRead(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	home := newUsersHome(t)
	put(t, home, ".gateway_state.json.new", "of a pass that was killed")
	v := openVolumeAs(t, home, testUser)
	if err := v.Migrate(epoch); err != nil {
		t.Fatal(err)
	}
	want := `{"gateway_state": "running", "desired_state": "running", "timestamp": 1779344285, "migrated_from": "legacy-container-cmd"}` + "\n"
	if got := read(t, home, "gateway_state.json"); got != want {
		t.Errorf("content %q, want %q", got, want)
	}
	checkOwner(t, home, "gateway_state.json", 0o644)
	if !missingIn(home, ".gateway_state.json.new") {
		t.Error("what the killed pass left is still there")
	}
	if e := entryOf(t, v.Scan(Options{Autostart: Recorded}), DefaultName); !e.Profile.Start {
		t.Errorf("the next scan reads %s", e.Intent)
	}
}

// The volume's owner may put something there that can't be cleared.
func TestOtherNameThatIsTakenIsAnErrorOfItsOwn(t *testing.T) {
	home := newHome(t)
	put(t, home, ".gateway_state.json.new/x", "")
	v := openVolume(t, home)
	err, want := v.Migrate(epoch), `making ".gateway_state.json.new": the name is taken`
	if err == nil || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one of its own that says %s", err, want)
	}
}

func TestMigrationNeverReplacesAFile(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, home string){
		"a file":                    func(t *testing.T, home string) { put(t, home, "gateway_state.json", "theirs") },
		"a link that leads nowhere": func(t *testing.T, home string) { link(t, home, "gateway_state.json", "gone") },
	} {
		t.Run(name, func(t *testing.T) {
			home := newHome(t)
			make(t, home)
			before, _ := os.Readlink(filepath.Join(home, "gateway_state.json"))
			if err := openVolume(t, home).Migrate(epoch); !errors.Is(err, fs.ErrExist) {
				t.Errorf("error %v, want fs.ErrExist", err)
			}
			after, _ := os.Readlink(filepath.Join(home, "gateway_state.json"))
			if before != after || !missingIn(home, "gone") || !missingIn(home, ".gateway_state.json.new") {
				t.Error("the volume was changed")
			}
		})
	}
}

// Such file systems get link(2), which replaces nothing either.
func TestMigrationNeverReplacesAFileWhereRenamesKnowNoFlags(t *testing.T) {
	for _, errno := range []string{"EINVAL", "ENOSYS", "EPERM"} {
		out := underStrace(t, "TestMigrationNeverReplacesAFile", "-e", "trace=renameat2", "-e", "inject=renameat2:error="+errno)
		if !strings.Contains(out, "(INJECTED)") {
			t.Errorf("%s: no rename failed:\n%s", errno, out)
		}
	}
}

// testUser owns the home that newUsersHome makes.
var testUser = asuser.New(10000, 10001, nil)

func newUsersHome(t *testing.T) string {
	t.Helper()
	home := newHome(t)
	if err := os.Chown(home, 10000, 10001); err != nil {
		t.Fatal(err)
	}
	return home
}

// checkOwner holds a file against its mode and the owner 10000:10001.
func checkOwner(t *testing.T, home, name string, mode uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(home, name), &st); err != nil {
		t.Fatal(err)
	}
	if st.Mode&0o7777 != mode || int(st.Uid) != 10000 || int(st.Gid) != 10001 {
		t.Errorf("%s: mode %04o owner %d:%d, want %04o 10000:10001", name, st.Mode&0o7777, st.Uid, st.Gid, mode)
	}
}
