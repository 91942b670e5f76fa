package s6

import (
	"strings"
	"testing"
	"time"
)

func TestParsedServiceSaysWhatRunsAndHowItEnded(t *testing.T) {
	for text, want := range map[string]Service{
		"true|true|29082|-1|NA|@400000006b0d83cf0c1229f6|3\n": {Up: true, WantedUp: true, PID: 29082, For: 3 * time.Second},
		"false|true|-1|3|NA|@400000006b0d83d20e47e413|0\n":    {WantedUp: true, Exit: "exit 3"},
		"false|false|-1|0|NA|@400000006b0d83cf0bdb760f|86400": {Exit: "exit 0", For: 24 * time.Hour},
		"false|false|-1|-1|SIGKILL|@400000006b0d83cf0bdb7|4":  {},
		"false|true|-1|-1|SIGKILL|@400000006b0d83cf0bdb760f|4": {
			WantedUp: true, Exit: "SIGKILL", For: 4 * time.Second,
		},
		"false|false|-1|-1|NA|@400000006b0d83cf0bdb760f|4": {For: 4 * time.Second},
		"up": {},
	} {
		got, _, err := parseService(strings.ReplaceAll(text, "|", " "))
		if bad := want == (Service{}); (err != nil) != bad || !bad && got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestOnlyDeathsAfterTheTimeCount(t *testing.T) {
	const tally = "@400000006b0d83cf0c2ff8a0 exitcode 3\n@400000006b0d83d00d3c0218 signal SIGKILL\n@400000006b0d83d20e47e413 exitcode 3\n"
	after, err := parseTAI("@400000006b0d83cf0c2ff8a0")
	if err != nil {
		t.Fatal(err)
	}
	if got := countDeaths(tally, after); got != 2 {
		t.Errorf("%d deaths after the first one, want 2", got)
	}
	if got := countDeaths(tally, after.Add(-time.Second)); got != 3 {
		t.Errorf("%d deaths, want 3", got)
	}
	if got := countDeaths("", after); got != 0 {
		t.Errorf("%d deaths in an empty tally", got)
	}
}
