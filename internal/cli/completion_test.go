package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"slotgen/render/scandir"
	"slotgen/scan"
)

// completed returns the candidates without their descriptions.
func completed(words ...string) []string {
	found := []string{}
	for _, line := range complete(&cli.Command{Subcommands: testApp().Commands}, words) {
		candidate, _, _ := strings.Cut(line, "\t")
		found = append(found, candidate)
	}
	return found
}

func TestCompletionCandidates(t *testing.T) {
	home := t.TempDir()
	if err := os.CopyFS(home, os.DirFS("../../testdata/home")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(homeVar, home)
	t.Setenv(userVar, fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid())) // only we can enter it
	policies := []string{"auto", "recorded", "multiplex", "all", "none"}
	profiles := []string{"default", "2nd-desk", "accounts", "broken-bot", "coder", "night_watch", "writer"}
	tests := []struct {
		words []string
		want  []string
	}{
		{[]string{"rec"}, []string{"reconcile"}},
		{[]string{"templates", ""}, []string{"list", "show", "export", "check"}},
		{[]string{"hook", "cont"}, []string{"cont-init", "cont-finish"}},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish"}},
		{[]string{"help", "rec"}, []string{"reconcile"}},
		{[]string{"help", "templates", "ch"}, []string{"check"}},
		{[]string{"reconcile", "--he"}, []string{"--help"}},
		{[]string{"reconcile", "--dr"}, []string{"--dry-run"}},
		{[]string{"reconcile", "--dry-run", "--sup"}, []string{"--supervise-access"}},
		{[]string{"render", "--autostart", ""}, policies},
		{[]string{"render", "--autostart", "=", ""}, policies},
		{[]string{"render", "--autostart", "="}, policies},
		{[]string{"render", "--autostart=m"}, []string{"--autostart=multiplex"}},
		{[]string{"render", "--supervise-access", "e"}, []string{"events"}},
		{[]string{"scan", "-o", "j"}, []string{"json"}},
		{[]string{"scan", "--color", ""}, []string{"auto", "always", "never"}},
		{[]string{"render", "--file", "log"}, []string{"log/run"}},
		{[]string{"render", "--profile", ""}, profiles},
		{[]string{"scan", "w"}, []string{"writer"}},
		{[]string{"diff", "--home", home, "n"}, []string{"night_watch"}},
		{[]string{"scan", "writer", "--all", "--col"}, []string{"--color"}},
		{[]string{"watch", "w"}, []string{}},
		{[]string{"render", "--profile=n"}, []string{"--profile=night_watch"}},
		{[]string{"render", "--home", home, "--profile", "w"}, []string{"writer"}},
		{[]string{"render", "--home=/nowhere", "--profile", "w"}, []string{}},
		{[]string{"render", "--home", "=", "/nowhere", "--profile", "w"}, []string{}},
		{[]string{"render", "--home", ""}, []string{askForFiles}},
		{[]string{"render", "--user", ""}, []string{}},
		{[]string{"scan", "--default-profile", ""}, []string{"on", "off"}},
		{[]string{"scan", "--marker", ""}, []string{"none"}},
		{[]string{"scan", "--default-profile", "off", "--marker=config.yaml", "--profile", ""}, []string{"coder"}},
		{[]string{"templates", "show", "--profile", "w"}, []string{"writer"}},
		{[]string{"scan", "--profiles", ".", "--marker", "README.txt", "--default-profile=off", "s"}, []string{"scratch"}},
		{[]string{"scan", "--profiles", ".", "--marker", "none", "s"}, []string{}},
		{[]string{"nosuch", ""}, []string{}},
		{[]string{"scan", "--help", "--al"}, []string{"--all"}},
		{[]string{}, []string{}},
	}
	for _, tt := range tests {
		if got := completed(tt.words...); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.words, got, tt.want)
		}
	}
}

func TestCompletedValuesAreAccepted(t *testing.T) {
	for _, policy := range completed("reconcile", "--autostart", "") {
		if _, err := scan.ParsePolicy(policy); err != nil {
			t.Error(err)
		}
	}
	for _, form := range completed("reconcile", "--supervise-access", "") {
		if _, err := scandir.ParseAccess(form); err != nil {
			t.Error(err)
		}
	}
}
