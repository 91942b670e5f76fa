package scan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// starts says which of two profiles start: "coder" with the state of the row,
// and the default one, of which nothing is recorded.
type starts struct{ coder, dflt bool }

func TestPolicyDecidesWhatStarts(t *testing.T) {
	var (
		coder  = starts{true, false}
		dflt   = starts{false, true}
		nobody = starts{}
	)
	tests := []struct {
		state      string
		recorded   starts
		multiplex  starts
		standalone starts // multiplex, and gateway.standalone in coder's config.yaml
	}{
		{``, nobody, nobody, nobody},
		{`{"gateway_state": "running"}`, coder, dflt, coder},
		{`{"gateway_state": "draining"}`, coder, dflt, coder},
		{`{"gateway_state": "degraded"}`, coder, dflt, coder},
		{`{"gateway_state": "starting"}`, nobody, nobody, nobody},
		{`{"gateway_state": "startup_failed"}`, nobody, nobody, nobody},
		{`{"gateway_state": "stopped"}`, nobody, nobody, nobody},
		{`{"gateway_state": "stopped", "desired_state": "running"}`, coder, dflt, coder},
		{`{"gateway_state": "startup_failed", "desired_state": "running"}`, coder, dflt, coder},
		{`{"gateway_state": "running", "desired_state": "stopped"}`, nobody, nobody, nobody},
		{`{"gateway_state": "draining", "desired_state": "stopped"}`, nobody, nobody, nobody},
		{`{"gateway_state": "running", "desired_state": null}`, coder, dflt, coder},
		{`{"gateway_state": "running", "desired_state": ""}`, nobody, nobody, nobody},
	}
	for _, tt := range tests {
		for _, c := range []struct {
			policy     Policy
			standalone bool
			want       starts
		}{
			{Recorded, false, tt.recorded},
			{Recorded, true, tt.recorded},
			{Multiplex, false, tt.multiplex},
			{Multiplex, true, tt.standalone},
			{None, false, nobody},
			{None, true, nobody},
			{All, false, starts{coder: true, dflt: true}},
		} {
			name := tt.state + " " + string(c.policy)
			if c.standalone {
				name += " standalone"
			}
			t.Run(name, func(t *testing.T) {
				home := newHome(t)
				put(t, home, "profiles/coder/SOUL.md", "")
				if tt.state != "" {
					put(t, home, "profiles/coder/gateway_state.json", tt.state)
				}
				if c.standalone {
					put(t, home, "profiles/coder/config.yaml", "gateway:\n  standalone: true\n")
				}
				l := openVolume(t, home).Scan(Options{Autostart: c.policy})
				checkStarts(t, l, c.want)
			})
		}
	}
}

// checkStarts holds what starts, and that the boot log is told where it is not
// what is recorded, against what is wanted.
func checkStarts(t *testing.T, l Listing, want starts) {
	t.Helper()
	got := starts{
		coder: entryOf(t, l, "coder").Verdict == Publish && entryOf(t, l, "coder").Profile.Start,
		dflt:  entryOf(t, l, DefaultName).Verdict == Publish && entryOf(t, l, DefaultName).Profile.Start,
	}
	if got != want {
		t.Errorf("starts %+v, want %+v", got, want)
	}
	for _, e := range l.Entries {
		told := e.Reason != ""
		if differs := e.Verdict != Publish || e.Profile.Start != e.Intent.Starts(); told != differs {
			t.Errorf("%s: reason %q, want one: %v", e.Profile.Name, e.Reason, differs)
		}
		if e.Why == "" {
			t.Errorf("%s: nothing says why", e.Profile.Name)
		}
	}
}

func TestNoneSkipsEveryProfile(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/coder/SOUL.md", "")
	put(t, home, "profiles/coder/gateway_state.json", `{"gateway_state": "running"}`)
	for _, e := range openVolume(t, home).Scan(Options{Autostart: None}).Entries {
		if e.Verdict != Skipped || e.Reason != "autostart none" {
			t.Errorf("%s: verdict %d, reason %q", e.Profile.Name, e.Verdict, e.Reason)
		}
	}
}

func TestDefaultThatFailsServesNobodyAndSaysSo(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/a/SOUL.md", "")
	put(t, home, "profiles/a/gateway_state.json", `{"gateway_state": "running"}`)
	put(t, home, "gateway_state.json", "{}")
	chmod(t, home, "gateway_state.json", 0)
	l := scanAsStrangerUnder(t, home, Multiplex)
	e := entryOf(t, l, DefaultName)
	if want := `reading "gateway_state.json": permission denied`; e.Verdict != Failed || e.Reason != want || e.Profile.Start {
		t.Errorf("verdict %d, reason %q, starts %v; want failed with %q", e.Verdict, e.Reason, e.Profile.Start, want)
	}
	want := []string{`profile "default" failed and would have to start: it serves a (autostart multiplex)`}
	if diff := cmp.Diff(want, l.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestFoldIsToldByName(t *testing.T) {
	home := newHome(t)
	put(t, home, "config.yaml", "multiplex_profiles: true\n")
	for _, name := range []string{"b", "a", "idle"} {
		put(t, home, "profiles/"+name+"/SOUL.md", "")
	}
	put(t, home, "profiles/a/gateway_state.json", `{"gateway_state": "running"}`)
	put(t, home, "profiles/b/gateway_state.json", `{"gateway_state": "running"}`)
	l := openVolume(t, home).Scan(Options{Autostart: Auto})
	const serves = "serves a, b (multiplex_profiles in config.yaml)"
	if diff := cmp.Diff([]string{"gateway-default " + serves}, l.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if e := entryOf(t, l, DefaultName); e.Reason != serves {
		t.Errorf("reason of default %q, want %q", e.Reason, serves)
	}
	const folded = "folded into gateway-default (multiplex_profiles in config.yaml)"
	if e := entryOf(t, l, "a"); e.Reason != folded {
		t.Errorf("reason of a %q, want %q", e.Reason, folded)
	}
	if e := entryOf(t, l, "idle"); e.Reason != "" || e.Why != folded {
		t.Errorf("idle: reason %q, why %q", e.Reason, e.Why)
	}
}

func TestStandaloneIsFoundHoweverItIsWritten(t *testing.T) {
	const plain = "gateway:\n  standalone: true\n"
	utf16 := "\xff\xfe" + strings.Join(strings.Split(plain, ""), "\x00") + "\x00"
	tests := []struct {
		name, config string
		starts       bool
		warns        string // a part of the one warning, or none
	}{
		{"plain", plain, true, ""},
		{"flow", `{gateway: {"standalone": on}}`, true, ""},
		{"escaped", `gateway: {"stand\x61lone": true}`, true, ""},
		{"escaped line break", "gateway: {? \"stand\\\n  alone\" : true}", true, ""},
		{"UTF-16", utf16, true, ""},
		{"block", "gateway:\n  ? |-\n    standalone\n  : true\n", true, ""},
		{"broken", "gateway: [\nstandalone: true\n", false, `reading "profiles/coder/config.yaml": line `},
		{"broken without it", "gateway: [\n", false, ""},
		{"none of it", "model: small\n", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := newHome(t)
			put(t, home, "profiles/coder/SOUL.md", "")
			put(t, home, "profiles/coder/gateway_state.json", `{"desired_state": "running"}`)
			put(t, home, "profiles/coder/config.yaml", tt.config)
			l := scanWith(t, home, Options{Autostart: Multiplex})
			if e := entryOf(t, l, "coder"); e.Profile.Start != tt.starts {
				t.Errorf("starts %t, want %t: %s", e.Profile.Start, tt.starts, e.Why)
			}
			got := strings.Join(l.Warnings, "\n")
			if tt.warns == "" && got != "" || !strings.Contains(got, tt.warns) {
				t.Errorf("warnings %q, want %q", got, tt.warns)
			}
		})
	}
}

func TestMultiplexIsSwitchedByVariableThenConfig(t *testing.T) {
	tests := []struct {
		variable, config string
		want             Policy
		warns            string // a part of the one warning, or none
	}{
		{"", "", Recorded, ""},
		{"1", "", Multiplex, ""},
		{"TRUE", "", Multiplex, ""},
		{"Yes", "", Multiplex, ""},
		{"on", "multiplex_profiles: false", Multiplex, ""},
		{"0", "multiplex_profiles: true", Recorded, ""},
		{"false", "multiplex_profiles: true", Recorded, ""},
		{"No", "multiplex_profiles: true", Recorded, ""},
		{"OFF", "multiplex_profiles: true", Recorded, ""},
		{" ", "multiplex_profiles: true", Multiplex, ""},
		{"maybe", "multiplex_profiles: true", Multiplex, `GATEWAY_MULTIPLEX_PROFILES="maybe" is neither`},
		{"", "multiplex_profiles: true", Multiplex, ""},
		{"", "multiplex_profiles: True", Multiplex, ""},
		{"", "multiplex_profiles: yes", Multiplex, ""},
		{"", "multiplex_profiles: On", Multiplex, ""},
		{"", "multiplex_profiles: 'on'", Multiplex, ""},
		{"", "multiplex_profiles: '1'", Multiplex, ""},
		{"", "multiplex_profiles: off", Recorded, ""},
		{"", "multiplex_profiles: ''", Recorded, ""},
		{"", "multiplex_profiles:", Recorded, ""},
		{"", "multiplex_profiles: 1", Recorded, "line 1, column 21: multiplex_profiles is neither"},
		{"", "multiplex_profiles: [a]", Recorded, "multiplex_profiles is neither"},
		{"", "gateway:\n  multiplex_profiles: true", Multiplex, ""},
		{"", "multiplex_profiles: false\ngateway:\n  multiplex_profiles: true", Recorded, ""},
		{"", "multiplex_profiles: maybe\ngateway:\n  multiplex_profiles: true", Multiplex, "multiplex_profiles is neither"},
		{"", "gateway: on", Recorded, ""},
		{"", "gateway: &g {multiplex_profiles: on}\nother: *g", Multiplex, ""},
		{"", "word: &w on\nmultiplex_profiles: *w", Multiplex, ""},
		{"", "base: &b {multiplex_profiles: on}\ngateway:\n  <<: *b", Multiplex, ""},
		{"", "gateway: &g {<<: *g}", Recorded, "line 1, column 18: merge-key: cyclic merge alias"},
		{"", "gateway: &g {<<: [" + strings.Repeat("*g, ", 1000) + "]}", Recorded, "cyclic merge alias"},
		{"", "multiplex_profiles: no\nmultiplex_profiles: yes", Multiplex, ""},
		{"", "multiplex_profiles: on\n---\n", Recorded, `reading "config.yaml": line 2, column 1: a second document`},
		{"", "multiplex_profiles: on\n...\nrest: [\n", Recorded, `reading "config.yaml": line 4, column 1: did not find`},
		{"", "--- # the only one\nmultiplex_profiles: on\n...\n", Multiplex, ""},
		{"", "a: b: c", Recorded, `reading "config.yaml": line 1, column 5: mapping values are not allowed`},
		{"", "x:\n\t- y", Recorded, "line 2, column 1"},
		{"", "a: \xff", Recorded, `reading "config.yaml": `},
		{"", "- multiplex_profiles: on", Recorded, ""},
		{"", "multiplex_profiles: on\n#" + strings.Repeat(" ", maxConfig-24), Multiplex, ""},
		{"", "multiplex_profiles: on\n#" + strings.Repeat(" ", maxConfig-23), Recorded, `reading "config.yaml": larger than 256 KiB`},
		{"", strings.Repeat("%TAG !a! t\n", 101) + "--- {multiplex_profiles: on}", Recorded, `reading "config.yaml": more than 100 %TAG directives`},
	}
	for _, tt := range tests {
		t.Run(tt.variable+"/"+tt.config[:min(len(tt.config), 80)], func(t *testing.T) {
			home := newHome(t)
			put(t, home, DefaultLayout().Marker, "")
			put(t, home, "config.yaml", tt.config)
			l := openVolume(t, home).Scan(Options{Autostart: Auto, Multiplex: tt.variable})
			if l.Autostart != tt.want {
				t.Errorf("policy %s, want %s", l.Autostart, tt.want)
			}
			got := strings.Join(l.Warnings, "\n")
			if tt.warns == "" && got != "" || !strings.Contains(got, tt.warns) {
				t.Errorf("warnings %q, want %q", got, tt.warns)
			}
		})
	}
}

func TestConfigThatCannotBeReadCountsAsOff(t *testing.T) {
	home := newHome(t)
	put(t, home, DefaultLayout().Marker, "")
	fifo(t, home, "config.yaml")
	l := scanWith(t, home, Options{Autostart: Auto})
	if l.Autostart != Recorded || len(l.Warnings) != 1 || !strings.HasPrefix(l.Warnings[0], `reading "config.yaml": not a regular file`) {
		t.Errorf("policy %s, warnings %q", l.Autostart, l.Warnings)
	}
}

func TestAliasBombIsNotExpanded(t *testing.T) {
	home := newHome(t)
	var bomb strings.Builder
	bomb.WriteString("a: &a [x]\n")
	for c := 'b'; c <= 'z'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [%s]\n", c, c, strings.Repeat("*"+string(c-1)+", ", 20))
	}
	put(t, home, "config.yaml", bomb.String()+"multiplex_profiles: on\n")
	if l := scanWith(t, home, Options{Autostart: Auto}); l.Autostart != Multiplex {
		t.Errorf("policy %s, warnings %q", l.Autostart, l.Warnings)
	}
}

func scanWith(t *testing.T, home string, o Options) Listing {
	t.Helper()
	v := openVolume(t, home)
	return inTime(t, func() Listing { return v.Scan(o) })
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{"multiplex_profiles: on\n", "gateway: &g {<<: *g}\n", "a: [\n", "<<: [{a: b}, *x]\n"} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`gateway: {"stand\x61lone": on}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := parseConfig(data)
		if err != nil {
			return
		}
		if c.standalone.toggle != unset && !mayHold(data, "standalone") {
			t.Errorf("says standalone and is taken for a file that can't")
		}
	})
}
