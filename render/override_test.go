package render

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
	"slotgen/scan"
)

// overrides makes an override directory with the given files.
func overrides(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir string) *Set {
	t.Helper()
	set, err := Load(dir, scan.DefaultLayout())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func symlink(t *testing.T, dir, name, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// renderWith renders the slot of coder with an override directory.
func renderWith(t *testing.T, dir string) (Slot, []error, error) {
	t.Helper()
	return load(t, dir).Slot(coder())
}

func TestFirstFoundOfEachFileWins(t *testing.T) {
	const script = "#!/bin/sh\n# "
	dir := overrides(t, map[string]string{
		"run.tmpl":                        script + "common\n",
		"finish.tmpl":                     script + "common\n",
		"profiles/coder/finish.tmpl":      script + "coder's\n",
		"profiles/writer/run.tmpl":        script + "writer's\n",
		"profiles/coder/down-signal.tmpl": "INT\n",
	})
	slot, _, err := renderWith(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"run": script + "common\n", "finish": script + "coder's\n", "type": "longrun\n", "down-signal": "INT\n"} {
		if got := textOf(t, slot, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if !strings.Contains(textOf(t, slot, "log/run"), "s6-log") {
		t.Error("log/run is not the embedded one")
	}
}

func TestTemplateThatRendersToNothingMakesNoFile(t *testing.T) {
	slot, _, err := renderWith(t, overrides(t, map[string]string{
		"finish.tmpl": " \n\t", "log/run.tmpl": "{{ if .Default }}x{{ end }}", "timeout-kill.tmpl": "{{/* */}}\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, logged := slot.File("log/run"); len(slot.Files) != 2 || logged {
		t.Errorf("files %v, want run and type only", slot.Files)
	}
	for _, must := range []string{"run", "type"} {
		if _, _, err := renderWith(t, overrides(t, map[string]string{must + ".tmpl": "\n"})); !errors.Is(err, errMustRender) {
			t.Errorf("%s: error %v, want %v", must, err, errMustRender)
		}
	}
}

func TestPartialsAreSharedAndOverridesReplaceEmbeddedOnes(t *testing.T) {
	slot, _, err := renderWith(t, overrides(t, map[string]string{
		"_a.tmpl":                `{{ define "exec-as-user" }}exec {{ template "mine" . }}{{ end }}{{ define "mine" }}common{{ end }}`,
		"profiles/coder/_b.tmpl": `{{ define "mine" }}coders{{ end }}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"run", "log/run"} {
		if got := textOf(t, slot, path); !strings.HasSuffix(got, "\nexec coders\n") {
			t.Errorf("%s ends otherwise:\n%s", path, got)
		}
	}
}

// Any override may define a block that an embedded template uses.
func TestBlockThatAnOverrideRedefinesIsChecked(t *testing.T) {
	for name, text := range map[string]string{
		"_a.tmpl":           `{{ define "exec-as-user" }}if true; then{{ end }}`,
		"finish.tmpl":       "#!/bin/sh\n" + `{{ define "exec-as-user" }}if true; then{{ end }}`,
		"timeout-kill.tmpl": `{{- block "exec-as-user" "unused" }}if true; then{{ end }}`,
	} {
		_, _, err := renderWith(t, overrides(t, map[string]string{name: text}))
		for _, path := range []string{"run", "log/run"} {
			if err == nil || !strings.Contains(err.Error(), "rendered "+path+":") || !strings.Contains(err.Error(), "(embedded template "+path+")") {
				t.Errorf("%s makes a broken %s: error %v", name, path, err)
			}
		}
	}
}

// Blocks and the templates of files share one name space.
func TestBlockThatWouldReplaceAFileIsRefused(t *testing.T) {
	for name, want := range map[string]string{
		"finish":   `_lib.tmpl: the block "finish" has the name of the embedded template finish`,
		"log/run":  `_lib.tmpl: the block "log/run" has the name of the embedded template log/run`,
		"run.tmpl": "", // the file is parsed later
		"run":      "", // run.tmpl replaces the embedded run
	} {
		_, _, err := renderWith(t, overrides(t, map[string]string{
			"_lib.tmpl": `{{ define "` + name + `" }}#!/bin/sh` + "\nexit 0\n{{ end }}",
			"run.tmpl":  "#!/bin/sh\nexec true\n",
		}))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

// Kubernetes mounts a ConfigMap with these links: ..data -> ..2026_11_23,
// run.tmpl -> ..data/run.tmpl, and log -> ..data/log where the map uses paths.
func TestKubernetesMountIsFollowed(t *testing.T) {
	dir := overrides(t, map[string]string{
		"..2026_11_23/run.tmpl": "#!/bin/sh\n# mounted\n", "..2026_11_23/log/run.tmpl": "#!/bin/sh\n# mounted log\n",
	})
	symlink(t, dir, "..data", "..2026_11_23")
	symlink(t, dir, "run.tmpl", "..data/run.tmpl")
	symlink(t, dir, "log", "..data/log")
	slot, _, err := renderWith(t, dir)
	if err != nil || textOf(t, slot, "run") != "#!/bin/sh\n# mounted\n" || textOf(t, slot, "log/run") != "#!/bin/sh\n# mounted log\n" {
		t.Errorf("slot %v, error %v", slot.Files, err)
	}
}

func TestRefusedTemplateFailsTheProfilesThatWouldUseIt(t *testing.T) {
	outside := overrides(t, map[string]string{"run.tmpl": "#!/bin/sh\n"})
	chmod := func(name string, mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := map[string]string{"run.tmpl": "#!/bin/sh\n"}
	tests := []struct {
		name  string
		files map[string]string
		do    func(t *testing.T, dir string)
		want  string
		hint  string
	}{
		{"near name", map[string]string{"rnu.tmpl": "x"}, nil, `"rnu" is no file of a service directory`, `did you mean "run.tmpl"?`},
		{"near name in log", map[string]string{"log/notfication-fd.tmpl": "3"}, nil, `"log/notfication-fd" is no file`, `did you mean "notification-fd.tmpl"?`},
		{"far name", map[string]string{"zzz.tmpl": "x"}, nil, `"zzz" is no file of a service directory`, ""},
		{"down", map[string]string{"down.tmpl": "x"}, nil, `"down" can't be a template`, ""},
		{"log of a logger", map[string]string{"log/log/run.tmpl": "x"}, nil, `"log/log/run" is no file`, ""},
		{"a file in profiles", map[string]string{"profiles/run.tmpl": "x"}, nil, `"profiles/run" is no file`, `did you mean "profiles/NAME/run.tmpl"?`},
		{"a profile beside profiles", map[string]string{"coder/log/run.tmpl": "x"}, nil, `"coder/log/run" is no file`, `did you mean "profiles/coder/log/run.tmpl"?`},
		{"a slot's name", map[string]string{"gateway-coder/run.tmpl": "x"}, nil, `"gateway-coder/run" is no file`, `did you mean "profiles/coder/run.tmpl"?`},
		{"writable by the group", run, chmod("run.tmpl", 0o664), "has mode 0664", "mount the override directory read-only"},
		{"writable by others", run, chmod("run.tmpl", 0o646), "has mode 0646", "mount the override directory read-only"},
		{"writable directory", run, chmod(".", 0o777), "has mode 0777", "mount the override directory read-only"},
		{"writable inner directory", map[string]string{"log/run.tmpl": "#!/bin/sh\n"}, chmod("log", 0o775), "has mode 0775", "mount"},
		{"writable directory behind a link", map[string]string{"inner/x.d/run": "#!/bin/sh\n"}, func(t *testing.T, dir string) {
			t.Helper()
			symlink(t, dir, "run.tmpl", "inner/x.d/run")
			chmod("inner", 0o757)(t, dir)
		}, "has mode 0757", "mount"},
		{"writable directory behind a link upwards", map[string]string{
			"inner/x.d/run": "#!/bin/sh\n", "log/inner/x.d/run": "#!/bin/sh\n",
		}, func(t *testing.T, dir string) {
			t.Helper()
			symlink(t, dir, "log/run.tmpl", "../inner/x.d/run")
			chmod("inner", 0o757)(t, dir)
		}, "has mode 0757", "mount"},
		{
			"a link that leads out", nil, func(t *testing.T, dir string) {
				t.Helper()
				symlink(t, dir, "run.tmpl", filepath.Join(outside, "run.tmpl"))
			},
			"link leads out of the override directory", "make it relative",
		},
		{
			"a link that climbs out", nil, func(t *testing.T, dir string) { t.Helper(); symlink(t, dir, "run.tmpl", "../../etc/passwd") },
			"link leads out of the override directory", "make it relative",
		},
		{"a link that leads nowhere", nil, func(t *testing.T, dir string) { t.Helper(); symlink(t, dir, "run.tmpl", "gone") }, "link leads nowhere", ""},
		{"a FIFO", nil, func(t *testing.T, dir string) {
			t.Helper()
			if err := unix.Mkfifo(filepath.Join(dir, "run.tmpl"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file", ""},
		{"a directory", map[string]string{"run.tmpl/x": ""}, nil, "a directory, no file", "source of a mount is missing"},
		{"too large", nil, func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, "run.tmpl")
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<20+1)); err != nil {
				t.Fatal(err)
			}
		}, "larger than 1 MiB", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := overrides(t, tt.files)
			if tt.do != nil {
				tt.do(t, dir)
			}
			_, _, err := renderWith(t, dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "template "+dir) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			checkHint(t, err, tt.hint)
		})
	}
}

func TestOverrideOfAnotherUserIsRefusedWhereItCanBeWritten(t *testing.T) {
	testenv.NeedRoot(t, "gives a template to another user")
	for _, name := range []string{"run.tmpl", "."} {
		dir := overrides(t, map[string]string{"run.tmpl": "#!/bin/sh\n"})
		if err := os.Chown(filepath.Join(dir, name), 12345, 0); err != nil {
			t.Fatal(err)
		}
		if _, _, err := renderWith(t, dir); err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestOneProfilesBadOverrideLeavesTheOthersAlone(t *testing.T) {
	set := load(t, overrides(t, map[string]string{
		"profiles/coder/run.tmpl": "{{ .Nope }}", "profiles/writer/rnu.tmpl": "x", "profiles/own/run.tmpl": "#!/bin/sh\n",
	}))
	for name, fails := range map[string]bool{"coder": true, "writer": true, "own": false, "other": false} {
		p := coder()
		p.Name = name
		if _, _, err := set.Slot(p); (err != nil) != fails {
			t.Errorf("%s: error %v, want one: %v", name, err, fails)
		}
	}
	// A bad shared file does not fail a profile that does not use it.
	set = load(t, overrides(t, map[string]string{"run.tmpl": "{{", "profiles/own/run.tmpl": "#!/bin/sh\n"}))
	for name, fails := range map[string]bool{"own": false, "other": true} {
		p := coder()
		p.Name = name
		if _, _, err := set.Slot(p); (err != nil) != fails {
			t.Errorf("%s: error %v, want one: %v", name, err, fails)
		}
	}
}

func TestTemplateErrorNamesFileLineAndColumn(t *testing.T) {
	tests := []struct{ text, want string }{
		{"#!/bin/sh\n{{ .Nope }}\n", `run.tmpl:2:3: no field .Nope`},
		{"#!/bin/sh\n\n  {{ nosuch . }}", `run.tmpl:3:3: function "nosuch" not defined`},
		{"a {{ .Name }} {{ .Name | }}{{ end }}", `run.tmpl:1:28: unexpected {{end}}`},
		{"{{ .Name }} {{ end }} {{ .Name | }}", `run.tmpl:1:13: unexpected {{end}}`},
		{strings.Repeat("{{ .Name }}\n", 5000) + " {{ .Name }", `run.tmpl:5001:2: unexpected "}" in operand`},
		{"a\n{{ if .Start }}\nb\n", `run.tmpl:2:1: unexpected EOF`},
		{"a\nb {{ .Name", `run.tmpl:2:3: unclosed action`},
		{"{{ template \"gone\" . }}", `run.tmpl:1:12: at <{{template`},
		{"{{ fail \"no token\" }}", `no token`},
		{"{{ required \"set --env X\" .User }}{{ required \"no\" \"\" }}", `run.tmpl:1:37: at <required`},
		{"{{ env \"HOME\" }}", `function "env" not defined`},
		{"{{ dict \"a\" 1 | shuffle }}", `function "shuffle" not defined`},
	}
	for _, tt := range tests {
		_, _, err := renderWith(t, overrides(t, map[string]string{"run.tmpl": tt.text}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.text, err, tt.want)
		}
	}
}
