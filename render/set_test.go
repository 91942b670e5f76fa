package render

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slotgen/scan"
	"slotgen/templates"
)

func coder() scan.Profile {
	return scan.Profile{
		Name: "coder", Service: "gateway-coder", Dir: "/opt/data/profiles/coder", Home: "/opt/data",
		User: "hermes", UID: 10000, GID: 10000, Start: true, CommandDir: "/command", Command: "hermes",
	}
}

func slotOf(t *testing.T, p scan.Profile) Slot {
	t.Helper()
	slot, _, err := Embedded().Slot(p)
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

func textOf(t *testing.T, s Slot, path string) string {
	t.Helper()
	f, ok := s.File(path)
	if !ok {
		t.Fatalf("no file %q", path)
	}
	return string(f.Data)
}

func TestSlotHoldsTheFilesOfTheDesign(t *testing.T) {
	modes := func(s Slot) map[string]fs.FileMode {
		m := map[string]fs.FileMode{}
		for _, f := range s.Files {
			m[f.Path] = f.Mode
		}
		return m
	}
	want := map[string]fs.FileMode{"type": 0o644, "run": 0o755, "finish": 0o755, "log/run": 0o755}
	p := coder()
	if diff := cmp.Diff(want, modes(slotOf(t, p))); diff != "" {
		t.Errorf("a slot that starts (-want +got):\n%s", diff)
	}
	p.Start = false
	want["down"] = 0o644
	slot := slotOf(t, p)
	if diff := cmp.Diff(want, modes(slot)); diff != "" {
		t.Errorf("a slot that stays down (-want +got):\n%s", diff)
	}
	if textOf(t, slot, "down") != "" || textOf(t, slot, "type") != "longrun\n" {
		t.Error("down is not empty, or type is not longrun")
	}
}

func TestRenderingTwiceGivesTheSameBytes(t *testing.T) {
	if diff := cmp.Diff(slotOf(t, coder()), slotOf(t, coder())); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

func TestEveryTemplateOfASlotIsEmbedded(t *testing.T) {
	tree := os.DirFS("../templates")
	want := map[string]string{}
	for _, pattern := range []string{"*.tmpl", "log/*.tmpl"} {
		names, err := fs.Glob(tree, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(tree, name)
			if err != nil {
				t.Fatal(err)
			}
			want[strings.TrimSuffix(name, ".tmpl")] = string(text)
		}
	}
	if diff := cmp.Diff(want, templates.Slot()); diff != "" {
		t.Errorf("(-tree +embedded):\n%s", diff)
	}
}

func TestEmbeddedTemplatesQuoteForTheShellOnly(t *testing.T) {
	tree := os.DirFS("../templates")
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		if regexp.MustCompile(`\bs?quote\b`).Match(text) {
			t.Errorf("%s uses quote or squote, which quote for Go and for nothing", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRootIsDroppedByNameOrByNumbers(t *testing.T) {
	p := coder()
	for _, path := range []string{"run", "log/run"} {
		if got := textOf(t, slotOf(t, p), path); !strings.Contains(got, `exec '/command/s6-setuidgid' 'hermes' "$@"`) {
			t.Errorf("%s:\n%s", path, got)
		}
	}
	p.User, p.UID, p.GID, p.CommandDir = "", 7, 8, "/usr/bin"
	for _, path := range []string{"run", "log/run"} {
		if got := textOf(t, slotOf(t, p), path); !strings.Contains(got, `exec '/usr/bin/s6-applyuidgid' -u 7 -g 8 -G 8 "$@"`) {
			t.Errorf("%s:\n%s", path, got)
		}
	}
}

// The test runs the scripts up to their last exec, as a user without root to drop. Its program
// hermes prints its arguments and environment.
func TestScriptsPassHostileValuesThrough(t *testing.T) {
	bin, pwned := t.TempDir(), filepath.Join(t.TempDir(), "pwned")
	program := "#!/bin/sh\nprintf '%s|' \"$HERMES_HOME\" \"$EVIL\" \"$PWD\" \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "hermes"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{
		"it's", "$(touch " + pwned + ")", "`touch " + pwned + "`", "x'; touch " + pwned + "; '", "a\nb\n", `\`, `"`, "-e", "ä\xff",
	} {
		home := filepath.Join(t.TempDir(), strings.ReplaceAll(value, "/", "_"))
		if err := os.MkdirAll(home, 0o755); err != nil {
			t.Fatal(err)
		}
		p := coder()
		p.Home, p.Env = home, []scan.EnvVar{{Name: "EVIL", Value: value}}
		script := textOf(t, slotOf(t, p), "run")
		script = strings.ReplaceAll(script, "/usr/bin/id -u", "echo 1")
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
		got, err := cmd.CombinedOutput()
		want := strings.Join([]string{home, value, home, "-p", "coder", "gateway", "run", "--replace", ""}, "|")
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
		if _, err := os.Lstat(pwned); err == nil {
			t.Fatalf("%q was run", value)
		}
	}
}

func TestFinishKeepsAGatewayDownThatEndedOnPurpose(t *testing.T) {
	script := textOf(t, slotOf(t, coder()), "finish")
	for code, want := range map[string]int{"0": 125, "78": 125, "1": 0, "256": 0, "125": 0} {
		cmd := exec.Command("/bin/sh", "-c", script, "finish", code, "15", "gateway-coder", "1")
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("finish %s exits %d, want %d", code, got, want)
		}
	}
}

func TestHookIsAScriptWithTheProgramsPath(t *testing.T) {
	script, err := Hook("cont-init", "/opt/it's/slotgen")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]int{0: 0, 1: 0, 2: 2} {
		dir := filepath.Join(t.TempDir(), "it's")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(script), `/opt/it'\''s/`, strings.ReplaceAll(dir, "'", `'\''`)+"/")
		stub := "#!/bin/sh\n[ \"$*\" = 'reconcile --rescan --resume' ] || exit 9\nexit " + string(rune('0'+code)) + "\n"
		if err := os.WriteFile(filepath.Join(dir, "slotgen"), []byte(stub), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", "-c", text)
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("slotgen exits %d, the hook %d, want %d", code, got, want)
		}
	}
}
