package model

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// settings holds what determines a run of slotgen: flags, variables, templates and the processes
// of the container.
type settings struct {
	autostart     string
	multiplex     string // GATEWAY_MULTIPLEX_PROFILES
	noSupervise   string // HERMES_GATEWAY_NO_SUPERVISE
	access        string
	uid, gid      int
	maxServices   int
	prune, rescan bool
	// only holds the values of --profile.
	only []string
	// asJSON makes reconcile print a document.
	asJSON bool
	// overrides maps the paths of templates without .tmpl to templates. nil means no directory.
	overrides map[string]override
	processes []process
	// selfUID and selfGID are the ids of the process that runs slotgen.
	selfUID, selfGID int
}

// override is one template.
type override struct {
	text string
	// A broken template fails the profiles that use it.
	broken bool
}

// process is one entry of /proc.
type process struct {
	pid, uid int
	args     []string
}

// args returns the flags that all commands take.
func (s settings) args(b *sandbox) []string {
	args := []string{
		"--home", b.home, "--scandir", b.scandir, "--proc", b.proc,
		"--autostart", s.autostart, "--max-services", strconv.Itoa(s.maxServices),
	}
	for _, name := range s.only {
		args = append(args, "--profile="+name)
	}
	return append(args, s.slotArgs(b)...)
}

// slotArgs returns the flags that determine the content of a slot.
func (s settings) slotArgs(b *sandbox) []string {
	args := []string{"--user", fmt.Sprintf("%d:%d", s.uid, s.gid), "--supervise-access", s.access}
	if s.overrides != nil {
		args = append(args, "--templates", b.templates)
	}
	return args
}

// passArgs returns the arguments of reconcile.
func (s settings) passArgs(b *sandbox) []string {
	args := append([]string{"reconcile"}, s.args(b)...)
	if s.prune {
		args = append(args, "--prune")
	}
	if s.rescan {
		args = append(args, "--rescan")
	}
	if s.asJSON {
		args = append(args, "-o", "json")
	}
	return args
}

// environ returns the whole environment of a run.
func (s settings) environ() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "TZ=UTC",
		"GATEWAY_MULTIPLEX_PROFILES=" + s.multiplex, "HERMES_GATEWAY_NO_SUPERVISE=" + s.noSupervise,
	}
}

// write writes the templates and processes to the directories that the flags name.
func (s settings) write(b *sandbox) {
	b.removeAll(b.templates)
	b.removeAll(b.proc)
	b.mkdir(b.templates, 0o755)
	for name, o := range s.overrides {
		b.write(filepath.Join(b.templates, name+".tmpl"), o.text)
	}
	b.mkdir(b.proc, 0o755)
	for _, p := range s.processes {
		dir := filepath.Join(b.proc, strconv.Itoa(p.pid))
		b.write(filepath.Join(dir, "cmdline"), strings.Join(p.args, "\x00")+"\x00")
		b.write(filepath.Join(dir, "status"), fmt.Sprintf("Name:\tsh\nUid:\t%d\t0\t0\t0\n", p.uid))
	}
}

func (s settings) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "autostart=%s multiplex=%q no-supervise=%q access=%s user=%d:%d max=%d prune=%t rescan=%t only=%q json=%t processes=%v",
		s.autostart, s.multiplex, s.noSupervise, s.access, s.uid, s.gid, s.maxServices, s.prune, s.rescan, s.only, s.asJSON, s.processes)
	for _, name := range slices.Sorted(maps.Keys(s.overrides)) {
		fmt.Fprintf(&text, "\n\toverride %s %+v", name, s.overrides[name])
	}
	return text.String()
}
