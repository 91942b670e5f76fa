package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"slotgen/internal/asuser"
)

// sampleState is a gateway_state.json as a gateway writes it.
const sampleState = `{"pid":214,"kind":"hermes-gateway","argv":["/opt/hermes/.venv/bin/hermes","-p","coder","gateway","run","--replace"],` +
	`"start_time":48211,"hermes_home":"/opt/data/profiles/coder","gateway_state":"running","exit_reason":null,` +
	`"restart_requested":false,"active_agents":0,"platforms":{"telegram":{"state":"connected","error_code":null,` +
	`"error_message":null,"updated_at":"2026-05-20T22:40:58.001733+00:00"}},"session_store":{"status":"ok"},` +
	`"updated_at":"2026-05-20T22:41:07.318402+00:00","code_sha":"5f0c1d9e7ab24c33","code_version":"0.14.2","desired_state":"running"}`

const sampleLifecycle = `{"phase": "exited", "pid": 214, "exit_code": 1, "exit_reason": "signal", "exited_at": "2026-05-20T22:41:07+00:00"}`

// BenchmarkScan reads a volume of a thousand profiles.
func BenchmarkScan(b *testing.B) {
	home := b.TempDir()
	for i := range 1000 {
		dir := filepath.Join(home, "profiles", fmt.Sprintf("agent-%04d", i))
		if err := os.MkdirAll(filepath.Join(dir, "state"), 0o755); err != nil {
			b.Fatal(err)
		}
		for name, text := range map[string]string{"SOUL.md": "", DefaultLayout().StateFile: sampleState, lifecycleFile: sampleLifecycle} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	v, err := Open(home, DefaultLayout(), asuser.User{}, neverSlow)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	b.ReportAllocs()
	for b.Loop() {
		if l := v.Scan(Options{Autostart: Recorded}); len(l.Entries) != 1001 || !l.Entries[1000].Profile.Start {
			b.Fatal("the profiles are not read")
		}
	}
}

// BenchmarkIntent reads one gateway_state.json that is in memory.
func BenchmarkIntent(b *testing.B) {
	data := []byte(sampleState)
	b.ReportAllocs()
	for b.Loop() {
		if intent, err := parseIntent(data); err != nil || !intent.Starts() {
			b.Fatal(intent, err)
		}
	}
}
