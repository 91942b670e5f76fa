package scan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"slotgen/internal/testenv"
)

// realConfig is a config.yaml of that many bytes as people write them: keys, lists, comments and prose.
func realConfig(size int) string {
	var b strings.Builder
	b.WriteString("gateway:\n  standalone: true\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "# section %d: see the \"manual\", and (perhaps) the notes\nsection_%d:\n  enabled: true\n  tags: [a, \"b\", 'c']\n"+
			"  limits: {cpu: %d, memory: 512}\n  list:\n    - one\n    - name: two\n      value: 'x, y'\n  prompt: |\n", i, i, i)
		for range 5 {
			b.WriteString("    You're a helper; answer in {\"json\": [1, 2]} - always, and never \"guess\": ask instead, please.\n")
		}
	}
	return b.String()
}

// multiplexed makes a profile with a config.yaml.
func multiplexed(t *testing.T, home, name, config string) {
	t.Helper()
	profile(t, home, name, 100)
	put(t, home, "profiles/"+name+"/config.yaml", config)
}

// A list in brackets is read whole before it is parsed. It costs the parser a hundred times as
// much as other text.
func TestConfigThatIsCostlyToParseIsNotParsed(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	const want = "gateway: {standalone: true}\n"
	for name, config := range map[string]string{
		"real":    realConfig(126 << 10),
		"largest": want + "#" + strings.Repeat(" ", maxConfig-len(want)-1),
		"larger":  want + "#" + strings.Repeat(" ", maxConfig-len(want)),
		"most":    want + "x: [" + strings.Repeat("a,", maxMarks-7) + "]",
		"more":    want + "x: [" + strings.Repeat("a,", maxMarks-6) + "]",
		"braces":  want + "x: {" + strings.Repeat(":,", maxMarks/2) + "}",
		"nested":  want + "x: " + strings.Repeat("[", maxMarks),
		"error":   want + "x: *" + strings.Repeat("y", 100_000),
	} {
		multiplexed(t, home, name, config)
	}
	l := scanWith(t, home, Options{Autostart: Multiplex})
	warnings := strings.Join(l.Warnings, "\n")
	for name, why := range map[string]string{
		"real": "", "largest": "", "most": "",
		"larger": "larger than 256 KiB",
		"more":   "more than 32000 characters that may separate values",
		"braces": "more than 32000 characters that may separate values",
		"nested": "more than 32000 characters that may separate values",
		"error":  "unknown anchor",
	} {
		if got := entryOf(t, l, name).Profile.Start; got != (why == "") {
			t.Errorf("%s: starts: %v", name, got)
		}
		if found := strings.Contains(warnings, fmt.Sprintf(`reading "profiles/%s/config.yaml": `, name)); found != (why != "") || !strings.Contains(warnings, why) {
			t.Errorf("%s: want %q in the warnings", name, why)
		}
	}
	if len(warnings) > 2000 {
		t.Errorf("%d bytes of warnings: %.2000s", len(warnings), warnings)
	}
}

func TestConfigsOfAllProfilesShareASum(t *testing.T) {
	t.Parallel()
	home := testenv.MemDir(t)
	const nodes = 20_000
	costly := "gateway: {standalone: true}\nx: [" + strings.Repeat("a,", nodes-8) + "]"
	for i := range sumNodes/(nodes-freeNodes) + 2 {
		multiplexed(t, home, fmt.Sprintf("a%03d", i), costly)
	}
	multiplexed(t, home, "small", "gateway: {standalone: true}\nx: [a, b, c]")
	multiplexed(t, home, "unasked", "x: ["+strings.Repeat("a,", nodes)+"]")
	l := scanWith(t, home, Options{Autostart: Multiplex})
	if n := countVerdicts(l, Failed, string(errTooManyNodes)); n != 2 {
		t.Errorf("%d profiles failed, want 2", n)
	}
	for _, name := range []string{"a000", "small"} {
		if e := entryOf(t, l, name); !e.Profile.Start {
			t.Errorf("%s: %s", name, e.Why)
		}
	}
	if e := entryOf(t, l, "unasked"); e.Verdict != Publish {
		t.Errorf("a file without the key: %s", e.Why)
	}
}

func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{"a": "x", "b": {"a": [1, {"a": 2}]}, "a": null}`, `{}`, ` { "\u0061" : "\"}" , "b":[]}`, `{"a":1,"a":{}}`, `[{"a": 1}]`, `null`, `"a"`, `{"":{"a":":"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want map[string]json.RawMessage
		if !json.Valid(data) {
			return
		}
		isObject := json.Unmarshal(data, &want) == nil && want != nil
		got, err := parseMembers(data, "a", "b")
		if err != nil {
			if isObject && err.Error() != "not UTF-8" {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		for i, name := range []string{"a", "b"} {
			if got[i].Raw != string(want[name]) || !isObject {
				t.Errorf("%q: member %s is %q, want %q", data, name, got[i].Raw, want[name])
			}
			var text string
			if got[i].Type == gjson.String && (json.Unmarshal(want[name], &text) != nil || got[i].Str != text) {
				t.Errorf("%q: member %s spells %q, want %q", data, name, got[i].Str, text)
			}
		}
	})
}

// To decode all members of a state file takes ten times as long as to look for one.
func TestMembersThatNobodyAsksForAreNotDecoded(t *testing.T) {
	data := []byte("{" + strings.Repeat(`"x":0,`, 10_000) + `"phase":"exited"}`)
	if n := testing.AllocsPerRun(10, func() { parsePriorExit(data) }); n > 20 {
		t.Errorf("%.0f allocations", n)
	}
	if got := parsePriorExit(data); got != "clean" {
		t.Errorf("prior exit %s", got)
	}
}

func TestFirstNamesAreKeptAndAllCounted(t *testing.T) {
	f := firstNames{most: 10}
	for i := range 1000 {
		f.add(fmt.Appendf(nil, "n%03d", i*7919%1000))
	}
	f.cut()
	if got, want := strings.Join(f.names, " "), "n000 n001 n002 n003 n004 n005 n006 n007 n008 n009"; got != want || f.dropped() != 990 {
		t.Errorf("kept %s, dropped %d", got, f.dropped())
	}
}
