package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Profile makes a profile on the container's volume, with the given content of
// gateway_state.json, or none.
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
	// Last: with it the directory is a profile, for whoever looks meanwhile.
	c.Write(filepath.Join(dir, "SOUL.md"), "# Soul\n")
}

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

// Write writes a file of hermes' on the volume.
func (c *Container) Write(path, text string) {
	c.T.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.T.Fatal(err)
	}
	if err := os.Chown(path, HermesID, HermesID); err != nil {
		c.T.Fatal(err)
	}
}

// ExitWith makes the stand-in gateway of a profile end at once with a code.
func (c *Container) ExitWith(profile string, code int) {
	c.T.Helper()
	c.Mkdir(filepath.Join(c.Home, "exit-with"))
	c.Write(filepath.Join(c.Home, "exit-with", profile), fmt.Sprintln(code))
}

const (
	Running = `{"gateway_state": "running"}`
	Stopped = `{"gateway_state": "running", "desired_state": "stopped"}`
)

// Household is a volume with a gateway in every state that matters at boot.
func (c *Container) Household() {
	c.T.Helper()
	c.Profile("default", Running)
	c.Profile("coder", `{"gateway_state": "starting", "desired_state": "running"}`)
	c.Profile("night_watch", `{"gateway_state": "draining"}`)
	c.Profile("accounts", Stopped)
	c.Profile("broken-bot", `{"gateway_state": "startup_failed"}`)
	c.Profile("2nd-desk", "")
}

// OnTerm gives the stand-in gateway of a profile commands for its end.
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

// Stubborn gives a profile a run script that ends with the given shell text.
func (c *Container) Stubborn(profile, text string) {
	c.T.Helper()
	c.Override("profiles/"+profile+"/run.tmpl", "#!/bin/sh\n"+text+"\n")
}

// Override makes a template of the container's operator.
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
