package render

import (
	"os/exec"
	"strings"
	"testing"
	"text/template"

	"slotgen/internal/testenv"
)

func TestNoFunctionAnswersDifferentlyOnEveryCall(t *testing.T) {
	funcs := Functions()
	for name := range strings.FieldsSeq(`
		date dateInZone dateModify date_in_zone date_modify env expandenv getHostByName htmlDate htmlDateInZone now
		randAlpha randAlphaNum randAscii randBytes randNumeric uuidv4 shuffle randInt keys values htpasswd encryptAES
		bcrypt genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert
		genSignedCertWithKey ago durationRound toDate mustToDate`) {
		if _, ok := funcs[name]; ok {
			t.Errorf("templates may call %s", name)
		}
	}
	for _, name := range []string{"shquote", "execquote", "required", "upper", "default", "join"} {
		if _, ok := funcs[name]; !ok {
			t.Errorf("templates can't call %s", name)
		}
	}
}

func TestRequiredFailsWithItsMessage(t *testing.T) {
	for text, want := range map[string]string{
		`{{ required "set it" .a }}`: "x",
		`{{ required "set it" .b }}`: "set it",
		`{{ required "set it" .c }}`: "set it",
	} {
		var out strings.Builder
		tmpl := template.Must(template.New("t").Funcs(Functions()).Parse(text))
		err := tmpl.Execute(&out, map[string]any{"a": "x", "b": "", "c": nil})
		if got := out.String(); got != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestQuotingRefusesNULAndNil(t *testing.T) {
	for name, quote := range map[string]func(any) (string, error){"shquote": shquote, "execquote": execquote} {
		for _, value := range []any{"a\x00b", nil} {
			if got, err := quote(value); err == nil {
				t.Errorf("%s of %q gives %q", name, value, got)
			}
		}
		if got, err := quote(7); err != nil || !strings.Contains(got, "7") {
			t.Errorf("%s of a number gives %q, %v", name, got, err)
		}
	}
}

// seeds returns values that wrong quoting would break.
func seeds() []string {
	return []string{
		"", "plain", "it's", `say "hi"`, `back\slash`, "$(id) `id` $HOME", "x'; id; '", "two\nlines\n", "\t\a\x1b[31m",
		"\u200b\u202eä", "\xff\xfe", "-n", "*", "#", "a  b", "\\", "'", `"`, "\x7f", "{ }", "\r\n",
	}
}

func FuzzShquote(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "\x00") {
			return // an argument can't hold a NUL byte
		}
		quoted, err := shquote(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command("/bin/sh", "-c", "printf '%s' "+quoted).Output()
		if err != nil || string(got) != value {
			t.Errorf("%q comes back from sh as %q, %v", value, got, err)
		}
	})
}

func FuzzExecquote(f *testing.F) {
	testenv.NeedProgram(f, "execlineb")
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "\x00") {
			return // an argument can't hold a NUL byte
		}
		quoted, err := execquote(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command("execlineb", "-c", "/usr/bin/printf %s "+quoted).Output()
		if err != nil || string(got) != value {
			t.Errorf("%q comes back from execlineb as %q, %v", value, got, err)
		}
	})
}
