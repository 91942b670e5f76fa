package model

import (
	"os"
	"strconv"

	"pgregory.net/rapid"
)

// generateSettings draws flags, variables, processes and templates.
func (b *sandbox) generateSettings() settings {
	s := settings{
		autostart:   b.pick("autostart", "auto", "auto", "auto", "recorded", "multiplex", "all", "none"),
		multiplex:   b.pick("GATEWAY_MULTIPLEX_PROFILES", "", "", "1", "true", "yes", "on", "0", "false", "no", "off", "maybe"),
		noSupervise: b.pick("HERMES_GATEWAY_NO_SUPERVISE", "", "", "1", "true", "0", "maybe"),
		access:      b.pick("access", "group", "group", "events", "owner", "root"),
		maxServices: 1000,
		prune:       b.oneIn(3, "prune"),
		rescan:      b.oneIn(3, "rescan"),
		asJSON:      b.oneIn(3, "json"),
		processes:   b.generateProcesses(),
		overrides:   b.generateOverrides(),
		selfUID:     os.Geteuid(),
		selfGID:     os.Getegid(),
	}
	switch b.pick("user", "hermes", "other", "root") {
	case "hermes":
		s.uid, s.gid = 10000, 10000
	case "other":
		s.uid, s.gid = 12345, 54321
	}
	if b.oneIn(8, "some profiles") {
		s.only = []string{b.pick("first", "default", "a", "b", "coder", "Upper", "gone"), b.pick("second", "default", "a", "b", "z")}
	}
	if b.oneIn(3, "few services") {
		s.maxServices = rapid.IntRange(1, 12).Draw(b.T, "max-services")
	}
	return s
}

// generateProcesses draws the processes of the container.
func (b *sandbox) generateProcesses() []process {
	processes := []process{{pid: 1, args: []string{"/init"}}}
	if b.oneIn(2, "no container") {
		return processes
	}
	args := []string{b.pick("wrapper", "/opt/hermes/docker/main-wrapper.sh", "main-wrapper.sh", "wrapper.sh")}
	if b.oneIn(3, "dispatched") {
		args = append(args, "/opt/hermes/docker/entrypoint-dispatch.sh")
	}
	if b.oneIn(2, "by hermes") {
		args = append(args, b.pick("hermes", "hermes", "/opt/hermes/.venv/bin/hermes"))
	}
	args = append(args, b.pick("word", "gateway", "gateway", "gateway", "bash", "chat", "serve", "dashboard", "gui", "desktop"))
	args = append(args, b.pick("second word", "run", "run", "status", "dashboard"))
	if b.oneIn(4, "--no-supervise") {
		args = append(args, "--no-supervise")
	}
	if b.oneIn(3, "s6-overlay 2") {
		processes[0].args = append(processes[0].args, args...)
		return processes
	}
	if b.oneIn(3, "another's process") {
		processes = append(processes, process{pid: 7, uid: 12346, args: []string{"sh", "main-wrapper.sh", "dashboard"}})
	}
	uid, _ := strconv.Atoi(b.pick("uid", "0", strconv.Itoa(os.Geteuid()), "12346"))
	return append(processes, process{pid: 17, uid: uid, args: append([]string{"sh", "-e"}, args...)})
}

// templates are the possible overrides for each file of a slot.
var templates = map[string][]override{
	"run": {
		{text: "#!/bin/sh\n# {{ .Name }} {{ .Service }} {{ .Default }} {{ .Start }} {{ .PriorExit }} {{ .PriorState | len }}\n"},
		{text: "#!/bin/sh\n# {{ .Dir }} {{ .Home }} {{ .UID }}:{{ .GID }} {{ .CommandDir }}/{{ .Command }}\nexec true\n"},
		{text: "#!/bin/sh\n# second\nexec false\n"},
		{text: "#!/bin/sh\nexec {{ .Nme }}\n", broken: true},
		{text: "#!/bin/sh\nexec {{ .Name\n", broken: true},
		{text: "#!/bin/sh\nif {{ .Name }}\n", broken: true},
		{text: "#!sh\n", broken: true},
		{text: "#!/bin/sh\r\n", broken: true},
		{text: " \n", broken: true},
	},
	"finish":              {{text: "#!/bin/sh\nexit 125\n"}, {text: "{{/* none */}}\n"}, {text: "#!/bin/sh\nexit {{ required \"x\" \"\" }}", broken: true}},
	"log/run":             {{text: "\n"}, {text: "#!/bin/sh\nexec s6-log {{ .Name }}\n"}},
	"notification-fd":     {{text: "3\n"}, {text: "4\n"}, {text: "three\n", broken: true}},
	"log/notification-fd": {{text: "3\n"}},
	"timeout-kill":        {{text: "5000\n"}, {text: ""}},
	"data/check":          {{text: "#!/bin/sh\nexec test {{ .Name }}\n"}, {text: "data\n"}},
	"env/NAME":            {{text: "{{ .Name }}"}},
	"rnu":                 {{text: "x\n", broken: true}},
}

// generateOverrides draws templates for all profiles and for single profiles.
func (b *sandbox) generateOverrides() map[string]override {
	if b.oneIn(2, "no overrides") {
		return nil
	}
	drawn := map[string]override{}
	for range rapid.IntRange(0, 4).Draw(b.T, "overrides") {
		file := b.pick("file", "run", "log/run", "run", "log/run", "finish", "notification-fd", "log/notification-fd", "timeout-kill", "data/check", "env/NAME", "rnu")
		o := rapid.SampledFrom(templates[file]).Draw(b.T, "template")
		if o.broken && !b.oneIn(2, "broken for all") {
			file = "profiles/" + b.pick("profile", "a", "b", "default", "coder") + "/" + file
		} else if b.oneIn(3, "for one") {
			file = "profiles/" + b.pick("profile", "a", "b", "default", "coder") + "/" + file
		}
		drawn[file] = o
	}
	return drawn
}
