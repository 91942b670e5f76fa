package render

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"text/template"
	"time"

	"github.com/google/go-cmp/cmp"

	"slotgen/scan"
)

// hostile returns homes and values that run a command or break a line where they are not
// quoted. Such a command makes the file pwned.
func hostile(pwned string) []string {
	values := []string{
		"two words", "it's", `say "hi"`, "a\nb", "$(touch $PWNED)", "`touch $PWNED`", "x'; touch $PWNED; '",
		"x\ntouch $PWNED\n", "; touch $PWNED #", "$HOME", `\`, "*", "-e", "ä\xff", "${x:=y}", "!", "{{ .Home }}",
	}
	for i := range values {
		values[i] = strings.ReplaceAll(values[i], "$PWNED", pwned)
	}
	return values
}

// stubs makes programs that replace those of s6 and the gateway. Each prints its name and its
// arguments. A program that wraps another one then runs that.
func stubs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const say = "#!/bin/sh\nprintf '%s|' \"${0##*/}\" \"$@\"\n"
	for name, text := range map[string]string{
		"with-contenv":    "#!/bin/sh\nexec \"$@\"\n",
		"s6-setuidgid":    say + "shift; exec \"$@\"\n",
		"s6-applyuidgid":  say + "shift 6; exec \"$@\"\n",
		"s6-log":          say,
		"hermes":          say + "printf '%s|' \"$HERMES_HOME\" \"$HOME\" \"$PWD\" \"$VALUE\"\n",
		"another-gateway": say,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// execute runs one script of a slot like s6-supervise: by its name, in the slot's directory.
func execute(t *testing.T, s Slot, path, bin string) string {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(name, []byte(textOf(t, s, path)), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=/nowhere"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", path, err, out)
	}
	return string(out)
}

// dropped returns the output of the stubs that drop root. It is empty where the test does not
// run as root.
func dropped(words ...string) string {
	if os.Geteuid() != 0 {
		return ""
	}
	return strings.Join(words, "|") + "|"
}

// entersHome is the command that a run script passes to the user's shell.
const entersHome = `cd -- "$1"; shift; exec "$@"`

func TestRunStartsTheGatewayAsTheUserInTheScannedHome(t *testing.T) {
	bin, pwned := stubs(t), filepath.Join(t.TempDir(), "pwned")
	for _, value := range hostile(pwned) {
		home := filepath.Join(t.TempDir(), strings.ReplaceAll(value, "/", "_"))
		if err := os.Mkdir(home, 0o755); err != nil {
			t.Fatal(err)
		}
		p := coder()
		p.CommandDir, p.Home, p.Env = bin, home, []scan.EnvVar{{Name: "VALUE", Value: value}}
		got := execute(t, slotOf(t, p), "run", bin)
		want := dropped("s6-setuidgid", "hermes", "/bin/sh", "-ec", entersHome, "sh", home, "hermes", "-p", "coder", "gateway", "run", "--replace") +
			strings.Join([]string{"hermes", "-p", "coder", "gateway", "run", "--replace", home, home, home, value, ""}, "|")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
		if _, err := os.Lstat(pwned); err == nil {
			t.Fatalf("%q was run", value)
		}
	}
}

func TestLogRunMakesItsDirectoryAsTheUserAndLogsThere(t *testing.T) {
	bin, pwned := stubs(t), filepath.Join(t.TempDir(), "pwned")
	for _, value := range hostile(pwned) {
		home := filepath.Join(t.TempDir(), strings.ReplaceAll(value, "/", "_"))
		logs := filepath.Join(home, "logs", "gateways", "coder")
		if err := os.MkdirAll(logs, 0o755); err != nil {
			t.Fatal(err)
		}
		// Not even root can write a link that leads nowhere.
		if err := os.Symlink("no/where", filepath.Join(logs, "lock")); err != nil {
			t.Fatal(err)
		}
		p := coder()
		p.CommandDir, p.Home = bin, home
		got := execute(t, slotOf(t, p), "log/run", bin)
		if want := strings.Join([]string{"s6-log", "-p", "1", "n10", "s1000000", "T", logs, ""}, "|"); !strings.HasSuffix(got, want) {
			t.Errorf("%q: it ends in %q, want %q", value, got, want)
		}
		if want := dropped("s6-setuidgid", "hermes", "/bin/sh"); !strings.HasPrefix(got, want) {
			t.Errorf("%q: it begins with %q, want %q", value, got, want)
		}
		if _, err := os.Lstat(filepath.Join(logs, "lock")); err == nil {
			t.Errorf("%q: the lock that can't be written is still there", value)
		}
		if _, err := os.Lstat(pwned); err == nil {
			t.Fatalf("%q was run", value)
		}
		if err := os.RemoveAll(filepath.Join(home, "logs")); err != nil {
			t.Fatal(err)
		}
		execute(t, slotOf(t, p), "log/run", bin)
		if info, err := os.Stat(logs); err != nil || !info.IsDir() {
			t.Errorf("%q: the log directory was not made: %v", value, err)
		}
	}
}

func TestDefaultProfileRunsWithoutP(t *testing.T) {
	bin, home := stubs(t), t.TempDir()
	p := coder()
	p.Name, p.Service, p.Default, p.CommandDir, p.Home = "default", "gateway-default", true, bin, home
	p.User, p.UID, p.GID, p.Command = "", 7, 8, "another-gateway"
	got := execute(t, slotOf(t, p), "run", bin)
	want := dropped("s6-applyuidgid", "-u", "7", "-g", "8", "-G", "8", "/bin/sh", "-ec", entersHome, "sh", home, "another-gateway", "gateway", "run", "--replace") +
		"another-gateway|gateway|run|--replace|"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScriptsAreShellScripts(t *testing.T) {
	hook, err := Hook("cont-init", "/usr/local/bin/slotgen")
	if err != nil {
		t.Fatal(err)
	}
	p := coder()
	p.Env = []scan.EnvVar{{Name: "A", Value: "it's\n$(id)"}}
	slot := slotOf(t, p)
	scripts := map[string]string{"cont-init": string(hook)}
	for _, path := range []string{"run", "finish", "log/run"} {
		scripts[path] = textOf(t, slot, path)
	}
	for name, text := range scripts {
		if !strings.HasPrefix(text, "#!/") || strings.ContainsAny(text, "\r\x00") || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s does not begin with #!/, or does not end a line:\n%q", name, text)
		}
		cmd := exec.Command("/bin/sh", "-n")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s%s", name, err, out, text)
		}
	}
}

func TestValueWithANULIsNotRendered(t *testing.T) {
	for what, change := range map[string]func(*scan.Profile){
		"home":        func(p *scan.Profile) { p.Home = "a\x00b" },
		"command":     func(p *scan.Profile) { p.Command = "a\x00b" },
		"environment": func(p *scan.Profile) { p.Env = []scan.EnvVar{{Name: "A", Value: "a\x00b"}} },
	} {
		p := coder()
		change(&p)
		if slot, _, err := Embedded().Slot(p); err == nil || !strings.Contains(err.Error(), "NUL") {
			t.Errorf("%s: %v, %v; want an error that names NUL", what, slot.Files, err)
		}
	}
}

func TestQuotedWord(t *testing.T) {
	for _, test := range []struct{ value, shell, execline string }{
		{"", `''`, `""`},
		{"plain", `'plain'`, `"plain"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{`say "hi"`, `'say "hi"'`, `"say \"hi\""`},
		{`back\slash`, `'back\slash'`, `"back\\slash"`},
		{"$(id)", `'$(id)'`, `"$(id)"`},
		{"a\nb", "'a\nb'", `"a\0x0ab"`},
		{"ä", `'ä'`, `"ä"`},
	} {
		if got, err := shquote(test.value); err != nil || got != test.shell {
			t.Errorf("shquote(%q) = %s, %v; want %s", test.value, got, err, test.shell)
		}
		if got, err := execquote(test.value); err != nil || got != test.execline {
			t.Errorf("execquote(%q) = %s, %v; want %s", test.value, got, err, test.execline)
		}
	}
}

// With a function that reads the clock, every later pass would find the slot changed.
func TestNoFunctionReadsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tmpl, err := template.New("t").Funcs(Functions()).Parse(
			`{{ durationRound (toDate "2006-01-02T15:04:05Z07:00" "` + time.Now().Format(time.RFC3339) + `") }}`)
		if err != nil {
			return // templates can't call one of the two
		}
		render := func() string {
			var out strings.Builder
			if err := tmpl.Execute(&out, nil); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		first := render()
		time.Sleep(2 * time.Second)
		if second := render(); second != first {
			t.Errorf("durationRound answers %s, and %s two seconds later", first, second)
		}
	})
}

func TestFilesOfASlotAreSortedAndFound(t *testing.T) {
	slot := slotOf(t, coder())
	var paths []string
	for _, f := range slot.Files {
		paths = append(paths, f.Path)
		if f.Mode != ScriptMode && f.Mode != DataMode {
			t.Errorf("%s has mode %v", f.Path, f.Mode)
		}
	}
	if diff := cmp.Diff([]string{"finish", "log/run", "run", "type"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, down := slot.File("down")
	if _, logged := slot.File("log/run"); down || !logged {
		t.Error("a slot that starts has a down file, or no logger")
	}
}
