package model

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// These are the actions and changes of a pass.
const (
	started, registered, skipped, failed, ignored = "started", "registered", "skipped", "failed", "ignored"
	created, updated, unchanged, none             = "created", "updated", "unchanged", "none"
)

// row is the expected report of a pass on one profile, or on one entry of profiles/.
type row struct {
	name string
	dir  string // below the home; "" is the home itself
	// state is the recorded state when known is set.
	state string
	known bool
	exit  string

	action, change, effect string
	live                   bool
	// reason is a part of the reason beside the action, or "" when there is no reason.
	reason string
	// mayReason is set when a reason is optional.
	mayReason bool
	// leftOut is set when --profile does not name the profile.
	leftOut bool
}

func (r row) service() string { return "gateway-" + r.name }

// isProfile reports whether the row is about a profile that gets a slot.
func (r row) isProfile() bool { return r.action == started || r.action == registered }

// isShown reports whether a pass reports the row.
func (r row) isShown() bool { return r.action != ignored && !r.leftOut }

// fail makes the row failed, with a part of the reason.
func (r *row) fail(reason string) { r.action, r.change, r.reason = failed, none, reason }

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// isName reports whether a profile can have the name.
func isName(name string) bool {
	return validName.MatchString(name) && !strings.HasSuffix(name, "\n") && len("."+"gateway-"+name+".new") <= 255
}

// scan returns the rows of the volume under the recorded policy: default first, then all entries of
// profiles/ in byte order, with the ignored ones.
func (x situation) scan() []row {
	rows := []row{x.profile("default", "")}
	for _, name := range x.entries() {
		if name == "default" { // the home has this name, and its row exists
			continue
		}
		r := row{name: name, dir: "profiles/" + name, exit: "unknown", change: none}
		switch dir, _ := x.home.resolve(r.dir); {
		case strings.HasPrefix(name, "."), x.home.kindAt(r.dir) != aDirectory:
			r.action = ignored
		case !x.mayEnter(dir) && isName(name):
			r.fail("permission denied")
		case !x.mayEnter(dir):
			r.action = skipped
		case !x.home.holds(dir + "/SOUL.md"):
			r.action = ignored
		case !isName(name):
			r.action, r.reason = skipped, "name "
		default:
			r = x.profile(name, r.dir)
		}
		if r.action == ignored {
			r.mayReason = true
		}
		rows = append(rows, r)
	}
	return rows
}

// entries returns the names in profiles/.
func (x situation) entries() []string {
	profiles, _ := x.home.resolve("profiles")
	if profiles == "" {
		return nil
	}
	return x.home.names(profiles)
}

// cannotList reports whether profiles/ exists and can't be read.
func (x situation) cannotList() bool {
	return x.home.holds("profiles") && x.home.kindAt("profiles") != aDirectory
}

// holds reports whether a path exists in the tree.
func (t tree) holds(p string) bool {
	_, found := t[p]
	return found
}

// mayEnter and mayRead know only modes that exclude the owner too.
func (x situation) mayEnter(dir string) bool { return x.isRoot || x.home[dir].mode&0o100 != 0 }

func (x situation) mayRead(file string) bool { return x.isRoot || x.home[file].mode&0o400 != 0 }

// profile returns the row of a profile under the recorded policy.
func (x situation) profile(name, dir string) row {
	r := row{name: name, dir: dir, action: registered, change: none}
	r.exit = x.priorExit(dir)
	p, found := x.home.resolve(path.Join(dir, "gateway_state.json"))
	switch {
	case x.autostart == "all":
	case !found: // a link that leads nowhere is not a regular file, and a reason
		r.mayReason = true
	case !x.mayRead(p):
		r.fail("permission denied")
	default:
		r.recorded(x.state(p))
	}
	if r.known && r.state == "running" {
		r.action = started
	}
	return r
}

// recorded sets the recorded state, and the reason when it is unusable or misspelled.
func (r *row) recorded(word string, known, usable bool) {
	r.state, r.known = word, known
	switch {
	case !usable:
		r.reason = "taken as no recorded state"
	case word != "running" && strings.EqualFold(strings.TrimSpace(word), "running"):
		r.reason = "letter case or white space"
	}
}

// state returns the recorded state in a file. The state is unusable when the file holds no
// object, or the member is not a string.
func (x situation) state(p string) (word string, known, usable bool) {
	members := x.object(p)
	if members == nil {
		return "", false, false
	}
	if value := members["desired_state"]; value != nil && string(value) != "null" {
		word, known = asString(value)
		return word, known, known
	}
	value := members["gateway_state"]
	word, known = asString(value)
	if word == "draining" || word == "degraded" {
		word = "running"
	}
	return word, known, known || value == nil || string(value) == "null"
}

// priorExit returns how the gateway of a profile ended.
func (x situation) priorExit(dir string) string {
	p, _ := x.home.resolve(path.Join(dir, "state/gateway.lifecycle.json"))
	if !x.mayRead(p) {
		return "unknown"
	}
	phase, _ := asString(x.object(p)["phase"])
	switch phase {
	case "exited":
		return "clean"
	case "running":
		return "unclean"
	}
	return "unknown"
}

// maxFile is the largest size in bytes at which a state file counts.
const maxFile = 1 << 20

// nonNumber matches the numbers that Python writes and JSON does not have.
var nonNumber = regexp.MustCompile(`(-?\bInfinity|\bNaN)\b`)

// object returns the members of the JSON object in a file, or nil when there is no object.
func (x situation) object(p string) map[string]json.RawMessage {
	n := x.home[p]
	if n.kind != aFile || len(n.text) > maxFile || !utf8.ValidString(n.text) {
		return nil
	}
	text := nonNumber.ReplaceAllString(strings.TrimPrefix(n.text, "\uFEFF"), "null")
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil {
		return nil
	}
	return members
}

// asString returns the value of a JSON string.
func asString(value json.RawMessage) (text string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return text, json.Unmarshal(value, &text) == nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// escaped returns a value in the form that stdout and the boot log use.
func escaped(value string) string {
	if plainWord.MatchString(value) && !strings.HasSuffix(value, "\n") {
		return value
	}
	return strconv.QuoteToASCII(value)
}

func (r row) priorState() string {
	if !r.known {
		return "None"
	}
	return escaped(r.state)
}

// line returns the row in the form that reconcile prints.
func (r row) line(dryRun bool) string {
	line := "reconcile: profile=" + escaped(r.name) + " prior_state=" + r.priorState() + " action=" + r.action
	if dryRun {
		line += " change=" + r.change
	}
	return line + "\n"
}

// find returns the row with a name.
func find(rows []row, name string) (row, bool) {
	i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}
