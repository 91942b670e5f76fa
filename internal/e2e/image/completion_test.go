package image

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// hostileHome makes a volume on which a careless reader would block, or break the command line.
func hostileHome(t *testing.T) string {
	t.Helper()
	home := harness.UsersDir(t)
	if err := os.CopyFS(home, os.DirFS("testdata/home")); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(home, "profiles/writer/gateway_state.json")
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(state, 0o644); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(home, "profiles", "co$(touch pwned)\n;x")
	if err := os.Mkdir(odd, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "SOUL.md"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	harness.GiveToUser(t, home)
	return home
}

func TestCompletionSaysNothingElse(t *testing.T) {
	for home, want := range map[string]string{hostileHome(t): "coder\t\n", "/nowhere": "", "/dev/null": ""} {
		ctx, cancel := context.WithTimeout(t.Context(), testenv.HangLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, harness.SlotgenBinary(t), "completion", "words", "render", "--profile", "c")
		cmd.Env = []string{"HERMES_HOME=" + home}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || string(out) != want || stderr.String() != "" {
			t.Errorf("on %q: %v, %q, %q", home, err, out, stderr.String())
		}
	}
}

// In each shell the test types a command line with the tab key. The shell completes and runs it.
func TestCompletionInRealShells(t *testing.T) {
	tests := []struct{ name, shell, setup string }{
		{"bash", "bash --norc --noprofile -i", "PS1='READY>'; source <(slotgen completion bash)"},
		{"zsh", "zsh -f -i", "PS1='READY>'; autoload -Uz compinit; compinit -u; source <(slotgen completion zsh)"},
		{"zsh, installed", "zsh -f -i", "PS1='READY>'; slotgen completion zsh >$HOME/_slotgen; fpath=($HOME $fpath); autoload -Uz compinit; compinit -u"},
		{"fish", "fish --no-config -i", "function fish_prompt; printf 'READY>'; end; slotgen completion fish | source"},
	}
	for _, tt := range tests {
		argv := strings.Fields(tt.shell)
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testenv.NeedProgram(t, argv[0])
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "overrides"), os.DirFS("templates/log")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = dir
			cmd.Env = []string{
				"PATH=" + filepath.Dir(harness.SlotgenBinary(t)) + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "TERM=xterm", "LC_ALL=C",
				"HERMES_HOME=" + hostileHome(t), "S6_PROFILE_GATEWAY_SCANDIR=" + filepath.Join(dir, "service"), "SLOTGEN_USER=10000:10000",
			}
			term := harness.NewTerminal(t, cmd)
			term.TypeKeys(tt.setup + "\r")
			term.Wait("READY>")
			for _, line := range []struct{ keys, result string }{
				{"slotgen rec\t--dr\t--profile cod\t\r", "profile=coder prior_state=running action=started change=created"},
				{"slotgen scan --output js\t--profile cod\t\r", `"name": "coder"`},
				{"slotgen scan --autostart=mul\t\r", "folded into"},
				{"slotgen templates list --templates over\t\r", "/run.tmpl"},
				{"slotgen completion zs\t\r", "#compdef slotgen"},
			} {
				term.TypeKeys(line.keys)
				term.Wait(line.result)
				term.Wait("READY>")
			}
			if _, err := os.Lstat(filepath.Join(dir, "pwned")); err == nil {
				t.Error("a profile's name was executed")
			}
		})
	}
}
