package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// volume is a sample volume. Half of its gateways ran.
type volume struct {
	name     string
	profiles int // with the default one
}

// The volumes of the targets.
var (
	small  = volume{"small", 5}
	medium = volume{"medium", 1000}
	huge   = volume{"huge", 10000}
)

// The files as Python's json module writes them for a gateway.
const (
	state = `{"pid":%d,"kind":"hermes-gateway","argv":["/opt/hermes/.venv/bin/hermes","-p","%s","gateway","run","--replace"],` +
		`"start_time":48211,"hermes_home":"/opt/data/profiles/%[2]s","gateway_state":"%[3]s","exit_reason":null,` +
		`"restart_requested":false,"active_agents":0,"platforms":{"telegram":{"state":"connected","error_code":null,` +
		`"error_message":null,"updated_at":"2026-05-20T22:40:58.001733+00:00"}},"session_store":{"status":"ok"},` +
		`"updated_at":"2026-05-20T22:41:07.318402+00:00","code_sha":"5f0c1d9e7ab24c33","code_version":"0.14.2","desired_state":"%[3]s"}`
	lifecycle = `{"phase": "exited", "pid": %d, "exit_code": 0, "exit_reason": "graceful_shutdown", "exited_at": "2026-05-20T22:41:07+00:00"}`
	config    = "# The volume's own settings.\nmodel:\n  provider: local\n  name: small\ngateway:\n  multiplex_profiles: false\n"
)

// write makes the volume below home.
func (v volume) write(home string) error {
	if err := writeFile(home, "config.yaml", config); err != nil {
		return err
	}
	for i := range v.profiles {
		dir := v.dir(home, i)
		err := errors.Join(
			writeFile(dir, "SOUL.md", "A helpful soul.\n"),
			writeFile(dir, "state/gateway.lifecycle.json", fmt.Sprintf(lifecycle, 200+i)),
			v.record(home, i, i%2 == 0),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// record writes the state of a gateway.
func (v volume) record(home string, i int, running bool) error {
	word := "stopped"
	if running {
		word = "running"
	}
	return writeFile(v.dir(home, i), "gateway_state.json", fmt.Sprintf(state, 200+i, v.profile(i), word))
}

func (v volume) profile(i int) string {
	if i == 0 {
		return "default"
	}
	return fmt.Sprintf("agent-%05d", i)
}

func (v volume) dir(home string, i int) string {
	if i == 0 {
		return home
	}
	return filepath.Join(home, "profiles", v.profile(i))
}

// writeProc makes a /proc with the few processes of a booting container. The real /proc
// differs from machine to machine.
func writeProc(dir string) error {
	for pid, cmdline := range map[int]string{
		1:  "s6-svscan\x00-d4\x00--\x00/run/service\x00",
		15: "s6-supervise\x00s6-linux-init-shutdownd\x00",
		17: "/run/s6/basedir/bin/s6-linux-init-shutdownd\x00-d3\x00-c\x00/run/s6/basedir\x00",
		24: "/bin/sh\x00-e\x00/run/s6/basedir/scripts/rc.init\x00top\x00/opt/hermes/docker/main-wrapper.sh\x00",
	} {
		process := filepath.Join(dir, strconv.Itoa(pid))
		err := errors.Join(
			writeFile(process, "cmdline", cmdline),
			writeFile(process, "status", "Name:\tsh\nUid:\t0\t0\t0\t0\n"),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(dir, name, text string) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
