package model

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// pick draws one of several words, the first ones a little more often.
func (b *sandbox) pick(label string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(b.T, label)
}

// oneIn draws true about once in n times.
func (b *sandbox) oneIn(n int, label string) bool {
	return rapid.IntRange(1, n).Draw(b.T, label) == n
}

// names are the possible names in profiles/. They are few, so that a later step meets an earlier
// entry.
var names = []string{
	"a", "b", "coder", "2nd-desk", "night_watch", "z", "default", "Upper", "a.b", ".hidden", "-dash", "_under",
	"a b", "new\nline", "not-utf8-\xff", "\u00fcber", "--rescan", longest, longest + "n",
}

// longest is the longest possible name of a profile.
var longest = strings.Repeat("n", 242)

// generateVolume makes some entries of profiles/ and the files of the home.
func (b *sandbox) generateVolume() {
	b.generateProfile(b.home)
	switch profiles := b.home + "/profiles"; b.pick("profiles/", "directory", "directory", "directory", "link", "nothing", "file") {
	case "directory":
		b.mkdir(profiles, 0o755)
	case "link":
		b.mkdir(b.home+"/elsewhere/profiles", 0o755)
		b.check(os.Symlink("elsewhere/profiles", profiles))
	case "file":
		b.write(profiles, "")
		return
	default:
		return
	}
	for range rapid.IntRange(0, 5).Draw(b.T, "entries") {
		b.generateEntry()
	}
}

// generateEntry makes or replaces one entry of profiles/.
func (b *sandbox) generateEntry() {
	p := b.home + "/profiles/" + b.pick("name", names...)
	b.removeAll(p)
	switch b.pick("entry", "profile", "profile", "profile", "profile", "profile", "nothing", "file", "unmarked", "link") {
	case "profile":
		b.generateMarker(p)
		b.generateProfile(p)
	case "file":
		b.write(p, "")
	case "unmarked":
		b.mkdir(p, 0o755)
		b.generateProfile(p)
	case "link":
		b.generateLink(p)
	}
	if !isRoot && b.oneIn(10, "shut") {
		_ = os.Chmod(p, 0)
	}
}

func (b *sandbox) generateMarker(dir string) {
	p := dir + "/SOUL.md"
	b.mkdir(dir, 0o755)
	switch b.pick("marker", "file", "file", "file", "directory", "link", "fifo") {
	case "file":
		b.write(p, "soul\n")
	case "directory":
		b.mkdir(p, 0o755)
	case "link":
		b.check(os.Symlink("nowhere", p))
	case "fifo":
		b.check(unix.Mkfifo(p, 0o644))
	}
}

// generateLink makes a link inside the home. It makes no stale files in the target, and no link
// that leads nowhere: there slotgen differs from the contract.
func (b *sandbox) generateLink(p string) {
	target := b.home + "/elsewhere/" + b.pick("target", "x", "y")
	b.removeAll(target)
	b.generateMarker(target)
	b.generateFile(target+"/gateway_state.json", b.generateState)
	b.generateFile(target+"/config.yaml", b.generateConfig)
	dir, err := filepath.EvalSymlinks(filepath.Dir(p))
	b.check(err)
	link, err := filepath.Rel(dir, target)
	b.check(err)
	b.check(os.Symlink(link, p))
}

// generateProfile makes the files of a profile.
func (b *sandbox) generateProfile(dir string) {
	b.generateFile(dir+"/gateway_state.json", b.generateState)
	b.generateFile(dir+"/state/gateway.lifecycle.json", func() string {
		return b.pick("lifecycle", `{"phase": "exited"}`, `{"phase": "running"}`, `{"phase": "other"}`, `{"phase": 5}`,
			"\uFEFF"+`{"phase": "exited", "code": NaN}`, `{"Phase": "exited"}`, `[]`, "")
	})
	b.generateFile(dir+"/config.yaml", b.generateConfig)
	for _, name := range []string{"gateway.pid", "processes.json"} {
		if b.oneIn(3, name) {
			b.generateFile(dir+"/"+name, func() string { return "4242\n" })
		}
	}
}

// generateFile makes or replaces a file. The file may be missing or of another kind.
func (b *sandbox) generateFile(p string, text func() string) {
	b.removeAll(p)
	kinds := []string{"file", "file", "file", "file", "file", "file", "nothing", "nothing", "directory", "fifo", "dangling", "link"}
	switch b.pick(filepath.Base(p), kinds...) {
	case "file":
		b.write(p, text())
		if !isRoot && b.oneIn(15, "unreadable") {
			b.check(os.Chmod(p, 0))
		}
	case "directory":
		b.mkdir(p, 0o755)
	case "fifo":
		b.mkdir(filepath.Dir(p), 0o755)
		b.check(unix.Mkfifo(p, 0o644))
	case "dangling":
		b.mkdir(filepath.Dir(p), 0o755)
		b.check(os.Symlink("nowhere", p))
	case "link":
		b.write(p+".target", text())
		b.check(os.Symlink(filepath.Base(p)+".target", p))
	}
}

// states are recorded states in JSON. The word None and words of more than 256 bytes are left out,
// because slotgen treats them otherwise than the contract.
var states = []string{
	`"running"`, `"draining"`, `"stopped"`, `"degraded"`, `null`, `"startup_failed"`, `5`, `["running"]`, `{"a": "running"}`,
	`true`, `"Running"`, `" running"`, `""`, `"two words"`, `"line\nbreak"`, `"\u00e9\u001b[31m"`, `"run\u006eing"`, `"a.b-c_D9"`,
}

// generateState returns the text of a gateway_state.json. The state itself is never a bare NaN,
// because the contract does not define that.
func (b *sandbox) generateState() string {
	var members []string
	for _, key := range []string{"desired_state", "gateway_state"} {
		if !b.oneIn(2, "without "+key) {
			members = append(members, `"`+key+`": `+b.pick(key, states...))
		}
	}
	if b.oneIn(3, "more members") {
		members = append(members, b.pick("member", `"pid": 17`, `"load": NaN`, `"left": [-Infinity, {"desired_state": "running"}]`,
			`"Desired_State": "running"`, `"desired\u005fstate": "stopped"`, `"gateway_state": "running"`, `"": {"x": [1, 2.5e3, "\\"]}`))
	}
	text := "{" + strings.Join(members, ", ") + "}"
	switch b.pick("state file", "good", "good", "good", "good", "good", "good", "mark", "cut", "more", "list", "not UTF-8", "large") {
	case "mark":
		return "\uFEFF" + text
	case "cut":
		return text[:len(text)-1]
	case "more":
		return text + " x"
	case "list":
		return "[" + text + "]"
	case "not UTF-8":
		return strings.Replace(text, "{", "{\"x\": \"\xff\", ", 1)
	case "large":
		return text + strings.Repeat(" ", maxFile)
	}
	return text + "\n"
}

// generateConfig returns the text of a config.yaml.
func (b *sandbox) generateConfig() string {
	if b.oneIn(8, "bad YAML") {
		return "gateway: [\n"
	}
	values := []string{"true", "false", "yes", `"on"`, `"1"`, "no", `"0"`, "off", "maybe", "1", "null", "[true]", "{on: true}"}
	lines := []string{"model: x"}
	if b.oneIn(3, "multiplex_profiles") {
		lines = append(lines, "multiplex_profiles: "+b.pick("multiplex_profiles", values...))
	}
	lines = append(lines, "gateway:", "  port: 1")
	for _, key := range []string{"multiplex_profiles", "standalone"} {
		if b.oneIn(3, "gateway."+key) {
			lines = append(lines, "  "+key+": "+b.pick("gateway."+key, values...))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// changeVolume changes parts of the volume after a pass.
func (b *sandbox) changeVolume() {
	for range rapid.IntRange(0, 3).Draw(b.T, "changes of the volume") {
		b.changeProfile()
	}
}

func (b *sandbox) changeProfile() {
	entries, err := os.ReadDir(b.home + "/profiles")
	dirs := []string{""}
	for _, entry := range entries {
		if entry.IsDir() && entry.Type() == os.ModeDir {
			dirs = append(dirs, "/profiles/"+entry.Name())
		}
	}
	dir := b.home + b.pick("profile", dirs...)
	b.check(os.Chmod(dir, 0o755)) // it may be unreadable
	switch what := b.pick("change", "state", "stale", "state", "files", "entry", "removal", "logs"); {
	case what == "state":
		b.generateFile(dir+"/gateway_state.json", b.generateState)
	case what == "stale":
		b.removeAll(dir + "/gateway.pid")
		b.write(dir+"/gateway.pid", "4242\n")
	case what == "files":
		b.generateProfile(dir)
	case what == "logs":
		b.generateLogs()
	case err != nil || what == "removal" && dir == b.home:
	case what == "entry":
		b.generateEntry()
	default:
		b.removeAll(dir)
	}
}

// generateLogs replaces the boot log.
func (b *sandbox) generateLogs() {
	logs := b.home + "/logs"
	p := logs + "/container-boot.log"
	b.removeAll(logs)
	switch b.pick("logs", "file", "nothing", "link", "dangling", "log is a directory", "log is a FIFO", "small", "large") {
	case "file":
		b.write(logs, "")
	case "link":
		b.mkdir(b.home+"/elsewhere/logs", 0o755)
		b.check(os.Symlink("elsewhere/logs", logs))
	case "dangling":
		b.check(os.Symlink("nowhere", logs))
	case "log is a directory":
		b.mkdir(p, 0o755)
	case "log is a FIFO":
		b.mkdir(logs, 0o755)
		b.check(unix.Mkfifo(p, 0o644))
	case "small":
		b.write(p, strings.Repeat("x", rotateAt-2)+"\n")
	case "large":
		b.write(p, strings.Repeat("x", rotateAt-1)+"\n")
	}
}
