package model

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// containerWords returns the words of the container's command, or nil when no process shows them.
func (s settings) containerWords() []string {
	for i, p := range s.processes {
		trusted := p.uid == 0 || p.uid == s.selfUID
		at := slices.IndexFunc(p.args, func(arg string) bool { return strings.HasSuffix(arg, "main-wrapper.sh") })
		if at < 0 || !trusted && i > 0 {
			continue
		}
		words := p.args[at+1:]
		for _, wrapper := range []string{"entrypoint-dispatch.sh", "hermes"} {
			if len(words) > 0 && path.Base(words[0]) == wrapper {
				words = words[1:]
			}
		}
		return words
	}
	return nil
}

// noGateways returns the command word of a container without gateways, or "".
func (s settings) noGateways() string {
	words := s.containerWords()
	if len(words) > 0 && slices.Contains([]string{"dashboard", "serve", "gui", "desktop"}, words[0]) {
		return words[0]
	}
	return ""
}

// migrates reports whether the container is from before s6 and has no recorded state yet.
func (x situation) migrates() bool {
	words := x.containerWords()
	return len(words) > 1 && words[0] == "gateway" && words[1] == "run" &&
		!slices.Contains(words, "--no-supervise") && toggles[x.noSupervise] != "on" &&
		!x.home.holds("gateway_state.json")
}

// toggles maps words to "on" or "off".
var toggles = map[string]string{
	"1": "on", "true": "on", "yes": "on", "on": "on",
	"0": "off", "false": "off", "no": "off", "off": "off",
}

// policy returns the policy in force.
func (x situation) policy() string {
	if x.autostart != "auto" {
		return x.autostart
	}
	switched := toggles[x.multiplex]
	if switched == "" {
		switched = x.toggle("", "multiplex_profiles")
	}
	if switched == "" {
		switched = x.toggle("", "gateway", "multiplex_profiles")
	}
	if switched == "on" {
		return "multiplex"
	}
	return "recorded"
}

// toggle returns "on", "off" or "" for a key of the config.yaml in a directory.
func (x situation) toggle(dir string, keys ...string) string {
	p, _ := x.home.resolve(path.Join(dir, "config.yaml"))
	n := x.home[p]
	var value any
	if n.kind != aFile || !x.mayRead(p) || yaml.Unmarshal([]byte(n.text), &value) != nil {
		return ""
	}
	for _, key := range keys {
		mapping, _ := value.(map[string]any)
		value = mapping[key]
	}
	switch value.(type) {
	case bool, string:
		return toggles[fmt.Sprint(value)]
	}
	return ""
}

// plan returns the rows of the volume under the policy in force.
func (x situation) plan() []row {
	rows := x.scan()
	policy := x.policy()
	if x.migrates() && policy != "none" && policy != "all" && rows[0].action != failed {
		rows[0].state, rows[0].known, rows[0].action, rows[0].reason = "running", true, started, "gateway run"
	}
	switch policy {
	case "none":
		for i := range rows {
			if r := &rows[i]; r.isProfile() || r.action == failed {
				r.action, r.reason = skipped, "autostart none"
			}
		}
	case "multiplex":
		x.fold(rows)
	case "all":
		for i := range rows {
			if r := &rows[i]; r.isProfile() {
				r.action, r.reason = started, "autostart all"
			}
		}
	}
	for i, r := range rows {
		rows[i].leftOut = len(x.only) > 0 && !slices.Contains(x.only, r.name)
	}
	return rows
}

// fold registers the profiles that the default gateway serves as down.
func (x situation) fold(rows []row) {
	serves := ""
	for i := range rows {
		r := &rows[i]
		if i == 0 || !r.isProfile() || x.toggle(r.dir, "gateway", "standalone") == "on" {
			continue
		}
		if r.action == started {
			r.action, r.reason = registered, "folded into gateway-default"
			serves = r.name
		}
	}
	if first := &rows[0]; serves != "" && first.action == registered {
		first.action, first.reason = started, "serves "
	}
}
