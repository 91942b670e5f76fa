package scan

import (
	"strconv"
	"testing"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ value, want string }{
		{"running", "running"},
		{"startup_failed", "startup_failed"},
		{"2nd-desk", "2nd-desk"},
		{"A.b_c-9", "A.b_c-9"},
		{"", `""`},
		{"None", "None"},
		{"none", "none"},
		{"None.", "None."},
		{"two words", `"two words"`},
		{"a=b", `"a=b"`},
		{"running\n", `"running\n"`},
		{"x action=started", `"x action=started"`},
		{`say "hi"`, `"say \"hi\""`},
		{`back\slash`, `"back\\slash"`},
		{"tab\there", `"tab\there"`},
		{"\x1b[2J", `"\x1b[2J"`},
		{"\x00", `"\x00"`},
		{"\x7f", `"\x7f"`},
		{"läuft", `"l\u00e4uft"`},
		{"\u202e", `"\u202e"`},
		{"\U0001f600", `"\U0001f600"`},
		{"\xff", `"\xff"`},
	} {
		if got := Escape(test.value); got != test.want {
			t.Errorf("Escape(%q) = %s, want %s", test.value, got, test.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, value := range []string{"running", "", "None", "a b", "a\nb", `"`, `\`, "é", "\xff"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := Escape(value)
		if !isPrintable(got) {
			t.Errorf("Escape(%q) = %q", value, got)
		}
		if got == value {
			return
		}
		if back, err := strconv.Unquote(got); err != nil || back != value {
			t.Errorf("Escape(%q) = %q, which is read as %q (%v)", value, got, back, err)
		}
	})
}
