package reconcile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/internal/asuser"
	"slotgen/internal/hint"
	"slotgen/internal/message"
	"slotgen/render"
	"slotgen/render/scandir"
	"slotgen/scan"
)

// newOptions returns options over a new volume with a profile in each state, and without a
// scandir. The messages of a pass are appended to told.
func newOptions(t *testing.T) (o Options, told *[]message.Message) {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{
		"profiles/coder/SOUL.md": "", "profiles/coder/gateway_state.json": `{"desired_state": "running"}`,
		"profiles/writer/SOUL.md": "", "profiles/writer/gateway_state.json": `{"desired_state": "stopped"}`,
		"profiles/broken/SOUL.md": "", "profiles/broken/gateway_state.json": `{`,
		"profiles/Upper/SOUL.md": "",
	} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	told = &[]message.Message{}
	return Options{
		Home: home, Scandir: filepath.Join(t.TempDir(), "service"), Layout: scan.DefaultLayout(), User: asuser.User{},
		Scan: scan.Options{
			Base:      scan.Profile{UID: os.Geteuid(), GID: os.Getegid(), CommandDir: "/command", Command: "hermes"},
			Autostart: scan.Recorded,
		},
		Templates: render.Embedded(), Access: scandir.AccessRoot, MaxServices: 1000,
		Tell: func(m message.Message) { *told = append(*told, m) },
	}, told
}

// changes returns the fields of each outcome with its change.
func changes(r Report) []string {
	var lines []string
	for _, o := range r.Outcomes {
		lines = append(lines, o.Fields()+" change="+string(o.Change))
	}
	return lines
}

func TestPreviewSaysWhatRunDoes(t *testing.T) {
	o, _ := newOptions(t)
	planned, err := Preview(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(o.Scandir); err == nil {
		t.Error("the preview made the scandir")
	}
	done, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"profile=default prior_state=None action=registered change=created",
		"profile=Upper prior_state=None action=skipped change=none",
		"profile=broken prior_state=None action=registered change=created",
		"profile=coder prior_state=running action=started change=created",
		"profile=writer prior_state=stopped action=registered change=created",
	}
	for what, report := range map[string]Report{"planned": planned, "done": done} {
		if diff := cmp.Diff(want, changes(report)); diff != "" || !report.OK() {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	again, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range changes(again) {
		if !strings.HasSuffix(line, "change=unchanged") && !strings.HasSuffix(line, "change=none") {
			t.Errorf("the second pass: %s", line)
		}
	}
}

func TestOrphanIsNamedAndPrunedWhereTheOptionsSaySo(t *testing.T) {
	o, told := newOptions(t)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(o.Home + "/profiles/coder"); err != nil {
		t.Fatal(err)
	}
	*told = nil
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := message.Warn(`slot "gateway-coder" has no profile: left alone, reconcile --prune removes it`).About("coder")
	if !slices.Contains(*told, want) {
		t.Errorf("messages %+v, want %+v", *told, want)
	}
	o.Prune = true
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"gateway-coder"}, report.Pruned); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
}

func TestUnknownProfileTouchesNothing(t *testing.T) {
	o, _ := newOptions(t)
	o.Only = []string{"codr"}
	for what, pass := range map[string]func() (Report, error){
		"run":     func() (Report, error) { return Run(t.Context(), o) },
		"preview": func() (Report, error) { return Preview(t.Context(), o, nil) },
	} {
		_, err := pass()
		if err == nil || err.Error() != `unknown profile "codr"` || hint.Of(err) != `did you mean "coder"?` {
			t.Errorf("%s: error %v, hint %q", what, err, hint.Of(err))
		}
	}
	if _, err := os.Lstat(o.Scandir); err == nil {
		t.Error("the scandir was made")
	}
}
