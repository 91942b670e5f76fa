package scan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

const none = NoState

func TestIntentIsWhatTheStateFileSays(t *testing.T) {
	tests := []struct {
		name, file string
		want       string // the state, or none
		warns      bool
	}{
		{"desired running", `{"desired_state": "running", "gateway_state": "stopped"}`, "running", false},
		{"desired stopped over runtime running", `{"desired_state": "stopped", "gateway_state": "running"}`, "stopped", false},
		{"desired null counts as absent", `{"desired_state": null, "gateway_state": "running"}`, "running", false},
		{"desired empty is a state", `{"desired_state": "", "gateway_state": "running"}`, "", false},
		{"desired draining stays a word", `{"desired_state": "draining"}`, "draining", false},
		{"runtime draining", `{"gateway_state": "draining"}`, "running", false},
		{"runtime degraded", `{"gateway_state": "degraded"}`, "running", false},
		{"runtime starting", `{"gateway_state": "starting"}`, "starting", false},
		{"runtime startup_failed", `{"gateway_state": "startup_failed"}`, "startup_failed", false},
		{"an unknown word", `{"gateway_state": "Läuft\n"}`, "Läuft\n", false},
		{"the word None", `{"gateway_state": "None"}`, "None", false},
		{"both null", `{"desired_state": null, "gateway_state": null}`, none, false},
		{"neither key", `{"pid": 7}`, none, false},
		{"keys in other cases", `{"Desired_State": "running", "GATEWAY_STATE": "running"}`, none, false},
		{"the last of equal keys", `{"gateway_state": "stopped", "gateway_state": "running"}`, "running", false},
		{"a byte order mark", "\ufeff" + `{"gateway_state": "running"}`, "running", false},
		{"NaN and Infinity elsewhere", `{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN", "gateway_state": "running"}`, "running", false},
		{"desired NaN counts as null", `{"desired_state": NaN, "gateway_state": "stopped"}`, "stopped", false},
		{"desired is a number", `{"desired_state": 1, "gateway_state": "running"}`, none, true},
		{"runtime is a list", `{"gateway_state": ["running"]}`, none, true},
		{"a word of 256 bytes", `{"gateway_state": "` + strings.Repeat("ä", 128) + `"}`, strings.Repeat("ä", 128), false},
		{"a longer word", `{"desired_state": "` + strings.Repeat("ä", 128) + `x", "gateway_state": "running"}`, none, true},
		{"a longer runtime word", `{"gateway_state": "` + strings.Repeat("x", 257) + `"}`, none, true},
		{"an array", `["running"]`, none, true},
		{"a string", `"running"`, none, true},
		{"null", `null`, none, true},
		{"empty", ``, none, true},
		{"cut off", `{"gateway_state": "runn`, none, true},
		{"two documents", `{"gateway_state": "running"} {}`, none, true},
		{"not UTF-8", "{\"gateway_state\": \"\xff\"}", none, true},
		{"nested a million deep", strings.Repeat("[", 1_000_000), none, true},
		{"one byte over 64 KiB", `{"gateway_state": "running"}` + strings.Repeat(" ", maxStateFile-27), none, true},
		{"exactly 64 KiB", `{"gateway_state": "running"}` + strings.Repeat(" ", maxStateFile-28), "running", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := newHome(t)
			put(t, home, "gateway_state.json", tt.file)
			checkIntent(t, scanHome(t, home), tt.want, tt.warns)
		})
	}
}

// checkIntent holds the default profile's intent and the number of warnings
// against what is wanted; the profile is published in any case.
func checkIntent(t *testing.T, l Listing, want string, warns bool) {
	t.Helper()
	e := entryOf(t, l, DefaultName)
	known := want != none || e.Intent.State == none
	if e.Verdict != Publish || e.Intent.Known != known || known && e.Intent.State != want {
		t.Errorf("verdict %d, intent %+v, want %q", e.Verdict, e.Intent, want)
	}
	if e.Profile.Start != (want == Running) {
		t.Errorf("Start is %v", e.Profile.Start)
	}
	if got := len(l.Warnings) > 0; got != warns {
		t.Errorf("warnings %q, want any: %v", l.Warnings, warns)
	}
}

func TestStateFileThatIsNoFileIsNoIntentAndNeverBlocks(t *testing.T) {
	const name = "gateway_state.json"
	outside := filepath.Join(t.TempDir(), "state.json")
	put(t, filepath.Dir(outside), "state.json", `{"gateway_state": "running"}`)
	tests := []struct {
		name  string
		make  func(t *testing.T, home string)
		want  string
		warns bool
	}{
		{"missing", func(*testing.T, string) {}, none, false},
		{"a FIFO", func(t *testing.T, home string) { fifo(t, home, name) }, none, true},
		{"a directory", func(t *testing.T, home string) { mkdir(t, home, name) }, none, true},
		{"a socket", func(t *testing.T, home string) { socket(t, home, name) }, none, true},
		{"a link to a device", func(t *testing.T, home string) { link(t, home, name, "/dev/zero") }, none, true},
		{"a link that leads nowhere", func(t *testing.T, home string) { link(t, home, name, "gone.json") }, none, true},
		{"a link to itself", func(t *testing.T, home string) { link(t, home, name, name) }, none, true},
		{"a link that leads outside", func(t *testing.T, home string) { link(t, home, name, outside) }, "running", false},
		{"a link that climbs out", func(t *testing.T, home string) { link(t, home, name, "../../../../../.."+outside) }, "running", false},
		{"an absolute link that leads inside", func(t *testing.T, home string) {
			put(t, home, "real.json", `{"gateway_state": "running"}`)
			link(t, home, name, filepath.Join(home, "real.json"))
		}, "running", false},
		{"a link that stays inside", func(t *testing.T, home string) {
			put(t, home, "shared/real.json", `{"gateway_state": "running"}`)
			link(t, home, name, "shared/real.json")
		}, "running", false},
		{"10 GiB without content", func(t *testing.T, home string) {
			put(t, home, name, "")
			if err := os.Truncate(filepath.Join(home, name), 10<<30); err != nil {
				t.Fatal(err)
			}
		}, none, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := newHome(t)
			put(t, home, DefaultLayout().Marker, "")
			tt.make(t, home)
			checkIntent(t, scanHome(t, home), tt.want, tt.warns)
		})
	}
}

func TestDeviceIsNoState(t *testing.T) {
	testenv.NeedRoot(t, "makes a device")
	home := newHome(t)
	if err := unix.Mknod(filepath.Join(home, "gateway_state.json"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Fatal(err)
	}
	checkIntent(t, scanHome(t, home), none, true)
}

func TestStateThatCannotBeReadIsNoDecision(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/coder/SOUL.md", "")
	put(t, home, "profiles/coder/gateway_state.json", `{"gateway_state": "running"}`)
	chmod(t, home, "profiles/coder/gateway_state.json", 0)
	l := scanAsStranger(t, home)
	e := entryOf(t, l, "coder")
	if want := `reading "profiles/coder/gateway_state.json": permission denied`; e.Verdict != Failed || e.Reason != want {
		t.Errorf("verdict %d, reason %q, want failed with %q", e.Verdict, e.Reason, want)
	}
	if entryOf(t, l, DefaultName).Verdict != Publish {
		t.Error("the failure reached another profile")
	}
}

func TestPriorExitIsALabel(t *testing.T) {
	tests := []struct{ file, want string }{
		{`{"phase": "exited", "exit_code": 0}`, "clean"},
		{`{"phase": "running", "start_time": NaN}`, "unclean"},
		{`{"phase": "paused"}`, "unknown"},
		{`{"Phase": "exited"}`, "unknown"},
		{`{"phase": "\u0065xited"}`, "clean"},
		{`{"phase": 1}`, "unknown"},
		{`[]`, "unknown"},
		{``, "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			home := newHome(t)
			put(t, home, "state/gateway.lifecycle.json", tt.file)
			if got := entryOf(t, scanHome(t, home), DefaultName).Profile.PriorExit; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for name, make := range map[string]func(*testing.T, string, string){"FIFO": fifo, "directory": mkdir} {
		t.Run(name, func(t *testing.T) {
			home := newHome(t)
			make(t, home, "state/gateway.lifecycle.json")
			if got := entryOf(t, scanHome(t, home), DefaultName).Profile.PriorExit; got != "unknown" {
				t.Errorf("got %q, want unknown", got)
			}
		})
	}
}

func FuzzLifecycle(f *testing.F) {
	for _, seed := range []string{`{"phase":"exited"}`, `{"phase":NaN}`, `{"phase":"running"}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		switch got := parsePriorExit(data); got {
		case "clean", "unclean", "unknown":
		default:
			t.Errorf("label %q", got)
		}
	})
}

func FuzzIntent(f *testing.F) {
	for _, seed := range []string{
		`{"desired_state":"running"}`, `{"gateway_state":"draining","x":NaN}`, "\ufeff{}", `[`, `{"gateway_state":1}`,
		`{"desired_state":"r\u0075nning","desired_state":null,"gateway_state":"degraded"}`, `{"Desired_State":"running"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		intent, err := parseIntent(data)
		if err != nil && intent.Known {
			t.Errorf("an intent %+v beside the error %v", intent, err)
		}
		if want, valid := stateIn(data); valid && intent != want {
			t.Errorf("%q gives %+v, want %+v", data, intent, want)
		}
		if line := string((Outcome{Profile: "x", Intent: intent}).appendLine(nil, epoch, "box")); strings.Count(line, "\n") != 1 {
			t.Errorf("the log line %q is not one", line)
		}
	})
}

// stateIn reads valid JSON by the rules of docs/design.md, "State", with the whole document decoded.
func stateIn(data []byte) (intent Intent, valid bool) {
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if !json.Valid(data) || !utf8.Valid(data) || dec.Decode(&doc) != nil {
		return Intent{}, false
	}
	for _, key := range []string{"desired_state", "gateway_state"} {
		switch word := doc[key].(type) {
		case nil:
			continue
		case string:
			if len(word) > maxState {
				return Intent{}, true
			}
			if key == "gateway_state" && (word == "draining" || word == "degraded") {
				return Intent{State: "running", Known: true, Key: key, Raw: word}, true
			}
			return Intent{State: word, Known: true, Key: key}, true
		}
		return Intent{}, true
	}
	return Intent{}, true
}
