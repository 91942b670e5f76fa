package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Profile makes a profile on the container's volume. It writes state to gateway_state.json unless
// state is empty.
func (c *Container) Profile(name, state string) {
	c.T.Helper()
	dir := c.Home
	if name != "default" {
		dir = filepath.Join(c.Home, "profiles", name)
	}
	c.Mkdir(dir)
	if state != "" {
		c.Write(filepath.Join(dir, "gateway_state.json"), state)
	}
	// SOUL.md comes last: it makes the directory a profile for a pass that looks meanwhile.
	c.Write(filepath.Join(dir, "SOUL.md"), "# Soul\n")
}

// Mkdir makes a directory with its parents. Inside the volume they belong to hermes.
func (c *Container) Mkdir(dir string) {
	c.T.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.T.Fatal(err)
	}
	for d := dir; strings.HasPrefix(d, c.Home); d = filepath.Dir(d) {
		if err := os.Chown(d, HermesID, HermesID); err != nil {
			c.T.Fatal(err)
		}
	}
}

// Write writes a file on the volume that belongs to hermes.
func (c *Container) Write(path, text string) {
	c.T.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.T.Fatal(err)
	}
	if err := os.Chown(path, HermesID, HermesID); err != nil {
		c.T.Fatal(err)
	}
}

// ExitWith makes the stand-in gateway of a profile exit with a code right after its start.
func (c *Container) ExitWith(profile string, code int) {
	c.T.Helper()
	c.Mkdir(filepath.Join(c.Home, "exit-with"))
	c.Write(filepath.Join(c.Home, "exit-with", profile), fmt.Sprintln(code))
}

// Running and Stopped are contents of gateway_state.json with those states.
const (
	Running = `{"gateway_state": "running"}`
	Stopped = `{"gateway_state": "running", "desired_state": "stopped"}`
)

// Household makes a volume with a gateway in every state that matters at boot.
func (c *Container) Household() {
	c.T.Helper()
	c.Profile("default", Running)
	c.Profile("coder", `{"gateway_state": "starting", "desired_state": "running"}`)
	c.Profile("night_watch", `{"gateway_state": "draining"}`)
	c.Profile("accounts", Stopped)
	c.Profile("broken-bot", `{"gateway_state": "startup_failed"}`)
	c.Profile("2nd-desk", "")
}

// OnTerm makes the stand-in gateway of a profile run commands when it gets TERM. WaitTrap waits
// until it would.
func (c *Container) OnTerm(profile, commands string) {
	c.T.Helper()
	c.Mkdir(filepath.Join(c.Home, "on-term"))
	c.Write(filepath.Join(c.Home, "on-term", profile), commands)
}

// Forget removes a profile from the volume.
func (c *Container) Forget(name string) {
	c.T.Helper()
	if err := os.RemoveAll(filepath.Join(c.Home, "profiles", name)); err != nil {
		c.T.Fatal(err)
	}
}

// Stubborn gives a profile a run script instead of the gateway: it sets a trap for TERM and then
// runs body. Both are shell text. WaitTrap waits until the trap is set.
func (c *Container) Stubborn(profile, trap, body string) {
	c.T.Helper()
	c.Mkdir(filepath.Join(c.Home, "record"))
	record := "printf 'pid %s\\nend\\n' $$ >>/opt/data/record/" + profile + "\n"
	c.Override("profiles/"+profile+"/run.tmpl", "#!/bin/sh\ntrap "+trap+" TERM\n"+record+body+"\n")
}

// Override writes a template into the container's override directory.
func (c *Container) Override(file, text string) {
	c.T.Helper()
	path := c.Path("/etc/slotgen/templates/" + file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.T.Fatal(err)
	}
}
