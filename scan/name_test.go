package scan

import (
	"regexp"
	"strings"
	"testing"
)

func TestNamesThatAProfileMayHave(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"coder", "2nd-desk", "night_watch", "a", "0", "a-", "a_", "a--b", "default", "123",
		strings.Repeat("a", 242),
	} {
		if reason := DefaultLayout().CheckName(name); reason != "" {
			t.Errorf("%q is refused: %s", name, reason)
		}
	}
}

func TestNamesThatNoProfileMayHave(t *testing.T) {
	t.Parallel()
	for what, name := range map[string]string{
		"empty":                       "",
		"one byte too long":           strings.Repeat("a", 243),
		"trailing newline":            "coder\n",
		"leading newline":             "\ncoder",
		"second line":                 "coder\nwriter",
		"leading dash":                "-coder",
		"leading underscore":          "_coder",
		"leading dot":                 ".coder",
		"dot inside":                  "coder.old",
		"upper case":                  "Coder",
		"upper case at the end":       "codeR",
		"space":                       "my coder",
		"slash":                       "a/b",
		"parent":                      "..",
		"carriage return":             "coder\r",
		"NUL":                         "coder\x00",
		"UTF-8":                       "cödér",
		"a digit of another script":   "١",
		"a letter that folds to k":    "\u212a",
		"not UTF-8":                   "coder\xff",
		"a replacement character":     "coder\ufffd",
		"shell code":                  "$(id)",
		"an @, as s6's instances use": "coder@1",
	} {
		if DefaultLayout().CheckName(name) == "" {
			t.Errorf("%s: %q is taken", what, name)
		}
	}
}

func TestTheReasonForARefusedNameIsPrintable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\n", "a\x1b[2J", "a\xff", "a\u202e", "A", "-", "a b"} {
		if reason := DefaultLayout().CheckName(name); !isPrintable(reason) {
			t.Errorf("the reason for %q is %q", name, reason)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"coder", "", "-a", "a\n", "A", "é", "\xff", strings.Repeat("a", 243)} {
		f.Add(name)
	}
	rule := regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]*\z`)
	f.Fuzz(func(t *testing.T, name string) {
		reason := DefaultLayout().CheckName(name)
		if want := rule.MatchString(name) && len(name) <= 242; (reason == "") != want {
			t.Errorf("%q: allowed is %v, want %v (%s)", name, reason == "", want, reason)
		}
		if !isPrintable(reason) {
			t.Errorf("the reason for %q is %q", name, reason)
		}
	})
}

// isPrintable tells whether s can stand in a log line as it is.
func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
