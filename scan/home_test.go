package scan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/asuser"

	"github.com/google/go-cmp/cmp"
)

func TestHomeIsTheVolumesRoot(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, opened, want string }{
		{"as it is", "data", "data"},
		{"with a slash at its end", "data/", "data"},
		{"a profile's directory", "data/profiles/coder", "data"},
		{"a profile's directory, with a slash", "data/profiles/coder/", "data"},
		{"a profile's directory by a detour", "data/x/../profiles/./coder", "data"},
		{"a profile that is not there", "data/profiles/gone", "data"},
		{"something inside a profile", "data/profiles/coder/state", "data/profiles/coder/state"},
		{"called profiles itself", "profiles", "profiles"},
		{"its parent only ends in profiles", "my-profiles/home", "my-profiles/home"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := newHome(t)
			for _, dir := range []string{"data/profiles/coder/state", "data/x", "profiles", "my-profiles/home"} {
				mkdir(t, top, dir)
			}
			if got, want := openVolume(t, top+"/"+tt.opened).Home(), filepath.Join(top, tt.want); got != want {
				t.Errorf("the home is %q, want %q", got, want)
			}
		})
	}
}

func TestHomeThatIsNoDirectoryIsAnError(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "file", "")
	fifo(t, home, "fifo")
	for _, name := range []string{"missing", "file", "fifo"} {
		path := filepath.Join(home, name)
		err := inTime(t, func() error {
			v, err := Open(path, DefaultLayout(), asuser.User{}, neverSlow)
			if err == nil {
				_ = v.Close()
			}
			return err
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestProfileHoldsWhatTemplatesAreTold(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "gateway_state.json", `{"desired_state": "stopped"}`)
	put(t, home, "state/gateway.lifecycle.json", `{"phase": "exited"}`)
	put(t, home, "profiles/coder/SOUL.md", "")
	put(t, home, "profiles/coder/gateway_state.json", `{"gateway_state": "draining"}`)
	put(t, home, "profiles/coder/state/gateway.lifecycle.json", `{"phase": "running"}`)
	base := Profile{
		User: "hermes", UID: 10000, GID: 10001, Env: []EnvVar{{Name: "A", Value: "b"}},
		CommandDir: "/command", Command: "hermes",
	}
	first, named := base, base
	first.Name, first.Service, first.Default = "default", "gateway-default", true
	first.Home, first.Dir = home, home
	first.PriorState, first.PriorExit = "stopped", "clean"
	named.Name, named.Service = "coder", "gateway-coder"
	named.Home, named.Dir = home, filepath.Join(home, "profiles", "coder")
	named.Start, named.PriorState, named.PriorExit = true, "running", "unclean"

	l := openVolume(t, home).Scan(Options{Base: base, Autostart: Recorded})
	for _, want := range []Profile{first, named} {
		if diff := cmp.Diff(want, entryOf(t, l, want.Name).Profile); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
}

// What is not there, or not yet, is no reason to fail: the home alone is a volume.
func TestEmptyHomeIsTheDefaultProfileAlone(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	l := scanHome(t, home)
	isAsked := len(l.Warnings) == 1 && strings.HasSuffix(l.Warnings[0], "is the volume mounted?")
	if len(l.Entries) != 1 || l.Entries[0].Verdict != Publish || !isAsked || l.Err != nil {
		t.Errorf("listing %+v", l)
	}
	entries, err := os.ReadDir(home)
	if err != nil || len(entries) > 0 {
		t.Errorf("the scan left %v, %v", entries, err)
	}
}
