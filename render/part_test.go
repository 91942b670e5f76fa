package render

import (
	"bytes"
	"strings"
	"testing"
	"text/template"

	"slotgen/scan"
)

// texts of run.tmpl, and whether each is the same for all profiles of a pass.
func partTexts() map[string]bool {
	return map[string]bool{
		`plain`:                      true,
		`{{ shquote .Home }}`:        true,
		`{{ .User }} {{ .UID }}`:     true,
		`{{ print .GID 1 "a" nil }}`: true,
		`{{ if .User }}{{ .Command }}{{ else }}{{ .CommandDir }}{{ end }}`: true,
		`{{ range .Env }}{{ .Name }}={{ .Value }}{{ . }}{{ end }}`:         true,
		`{{ range .Env }}a{{ break }}{{ else }}{{ .Home }}{{ end }}`:       true,
		`{{ with .User }}{{ . }}{{ else }}{{ .Home }}{{ end }}`:            true,
		`{{ (index .Env 0).Value }}`:                                       true,
		`{{ template "shared" . }}`:                                        true,
		`{{ template "dot" .Home }}`:                                       true,
		`{{ template "fixed" }}`:                                           true,
		`{{ .Name }}`:                                                      false,
		`{{ .Dir }}`:                                                       false,
		`{{ .PriorExit }}{{ .Default }}`:                                   false,
		`{{ . }}`:                                                          false,
		`{{ $ }}`:                                                          false,
		`{{ $.Home }}`:                                                     false,
		`{{ print .Home .Name }}`:                                          false,
		`{{ if .Start }}a{{ end }}`:                                        false,
		`{{ if .User }}{{ .Name }}{{ end }}`:                               false,
		`{{ if not .User }}{{ else }}{{ .Name }}{{ end }}`:                 false,
		`{{ range .Env }}{{ $.Name }}{{ end }}`:                            false,
		`{{ range .Env }}{{ else }}{{ .Name }}{{ end }}`:                   false,
		`{{ with .Name }}a{{ end }}`:                                       false,
		`{{ with .User }}{{ else }}{{ .Name }}{{ end }}`:                   false,
		`{{ with $h := .Home }}{{ $h }}{{ end }}`:                          false,
		`{{ template "own" . }}`:                                           false,
		`{{ template "dot" . }}`:                                           false,
		`{{ template "dot" .Name }}`:                                       false,
		`{{ template "shared" (dict "Home" .Name "UID" .UID) }}`:           false,
		`{{ template "loop" . }}`:                                          false,
		`{{ block "block" . }}{{ .Name }}{{ end }}`:                        false,
	}
}

const partBlocks = `{{ define "shared" }}{{ .Home }}{{ template "dot" .UID }}{{ end }}{{ define "own" }}{{ .Name }}{{ end }}` +
	`{{ define "fixed" }}x{{ end }}{{ define "dot" }}{{ . }}{{ end }}{{ define "loop" }}{{ if .Start }}{{ template "loop" . }}{{ end }}{{ end }}`

func TestPartIsCommonWhenItUsesNothingOfOneProfile(t *testing.T) {
	t.Parallel()
	for text, want := range partTexts() {
		tmpl := template.Must(template.New("run").Funcs(Functions()).Parse(partBlocks + text))
		parts := split(tmpl)
		if len(parts) != 1 || parts[0].common != want {
			t.Errorf("%s: parts %+v, want one with common %v", text, parts, want)
		}
	}
}

func TestPartsRenderWhatTheWholeTemplateDoes(t *testing.T) {
	t.Parallel()
	texts := []string{`{{ $n := .Name }}a{{ .Home }}{{ $n }}`, "{{ .Home }}-{{ .Name -}}\n\n{{ .User }}{{ .Dir }} b {{ .UID }}"}
	for text := range partTexts() {
		texts = append(texts, text, "a{{ .Name }}"+text+"{{ .Home }}b{{ .User }}")
	}
	for _, text := range texts {
		set, err := Load(overrides(t, map[string]string{"run.tmpl": "#!/bin/x\n" + text, "_blocks.tmpl": partBlocks}))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range profilesToTell() {
			slot, _, err := set.Slot(p)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			for _, f := range set.shared().files {
				var whole bytes.Buffer
				if err := f.template.Execute(&whole, p); err != nil {
					t.Fatal(err)
				}
				if got := textOf(t, slot, f.slotPath); got != whole.String() {
					t.Errorf("%s of %q for %+v:\ngot  %q\nwant %q", f.slotPath, text, p, got, whole.String())
				}
			}
		}
	}
}

// profilesToTell differ in every field, the last two of them in what a pass has in
// common too.
func profilesToTell() []scan.Profile {
	a := coder()
	a.Env, a.Start = []scan.EnvVar{{Name: "A", Value: "1"}}, false
	b := a
	b.Name, b.Service, b.Dir, b.PriorState, b.PriorExit = "writer", "gateway-writer", "/opt/data/profiles/writer", "stopped", "clean"
	c := b
	c.Default = true
	d := a
	d.Home, d.User, d.UID, d.GID, d.CommandDir, d.Command = "/srv", "", 7, 8, "/usr/bin", "other"
	e := d
	e.Env = []scan.EnvVar{{Name: "A", Value: "2"}, {Name: "B", Value: "3"}}
	return []scan.Profile{a, b, c, a, d, e, a}
}

func TestErrorInAPartNamesTheFileAndThePlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{{ required "no user" .User }}{{ .Name }}`, `{{ .Name }}{{ required "no user" .User }}`} {
		set, err := Load(overrides(t, map[string]string{"run.tmpl": "#!/bin/x\n" + text}))
		if err != nil {
			t.Fatal(err)
		}
		p := coder()
		p.User = ""
		for range 2 {
			_, _, err = set.Slot(p)
			if err == nil || !strings.Contains(err.Error(), `run.tmpl" at <required`) {
				t.Errorf("%s: error %v", text, err)
			}
		}
		p.User = "hermes"
		if _, _, err = set.Slot(p); err != nil {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
