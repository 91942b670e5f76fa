package model

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// changeScandir changes parts of the scandir, as other programs and killed passes do.
func (b *sandbox) changeScandir() {
	for range rapid.IntRange(0, 3).Draw(b.T, "changes of the scandir") {
		b.mkdir(b.scandir, 0o755)
		switch b.pick("change", "slot", "slot", "slot", "leftover", "leftover", "other", "orphan") {
		case "slot":
			b.changeSlot()
		case "leftover":
			b.generateLeftover()
		case "other":
			b.generateOther()
		case "orphan":
			b.generateSlot(b.scandir + "/gateway-" + b.pick("orphan", "gone", "gone2", "a", "b"))
		}
	}
}

// slots returns the names in the scandir that are slots.
func (b *sandbox) slots() []string {
	entries, _ := os.ReadDir(b.scandir)
	var slots []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "gateway-") && entry.Type() == os.ModeDir {
			slots = append(slots, entry.Name())
		}
	}
	return slots
}

// generateSlot makes a directory that looks like a slot, or only like a service of s6, unless the
// path exists.
func (b *sandbox) generateSlot(p string) {
	if _, err := os.Lstat(p); err == nil {
		return
	}
	b.mkdir(p, 0o755)
	b.write(p+"/run", "#!/bin/sh\n")
	if !b.oneIn(4, "foreign") {
		b.write(p+"/type", "longrun\n")
	}
	if b.oneIn(2, "logger") {
		b.write(p+"/log/run", "#!/bin/sh\n")
		b.check(os.Chmod(p+"/log", 0o755))
	}
}

// changeSlot changes one slot.
func (b *sandbox) changeSlot() {
	slots := b.slots()
	if len(slots) == 0 {
		return
	}
	service := b.pick("slot", slots...)
	p := filepath.Join(b.scandir, service)
	switch what := b.pick("change of a slot", "file", "file", "file", "unknown file", "removal", "hide", "not a directory"); {
	case what == "file":
		b.changeFile(p)
	case what == "unknown file":
		b.write(filepath.Join(p, b.pick("unknown", "notes", "data/notes", "env/NOTES", ".run123", ".run1234567890", "supervise/x", "event/x")), "x\n")
	case b.isHeld(service):
	case what == "removal":
		b.removeAll(p)
	case what == "hide":
		b.removeAll(b.scandir + "/." + service + ".old")
		b.check(os.Rename(p, b.scandir+"/."+service+".old"))
	default:
		b.removeAll(p)
		b.generateNode(p)
	}
}

// generateNode makes something that is no directory.
func (b *sandbox) generateNode(p string) {
	switch b.pick("node", "file", "link", "fifo") {
	case "file":
		b.write(p, "x\n")
	case "link":
		b.check(os.Symlink("nowhere", p))
	case "fifo":
		b.check(unix.Mkfifo(p, 0o644))
	}
}

// changeFile changes one file of a slot.
func (b *sandbox) changeFile(slot string) {
	p := filepath.Join(slot, b.pick("file", "down", "run", "finish", "type", "down", "timeout-kill", "notification-fd", "log/run", "log/notification-fd"))
	if _, err := os.Lstat(filepath.Dir(p)); err != nil {
		return
	}
	if n, err := readNode(p); err == nil && n.kind == aDirectory {
		return
	}
	switch b.pick("change of a file", "text", "mode", "removal", "link", "owner") {
	case "text":
		b.removeAll(p)
		b.write(p, "changed\n")
		b.check(os.Chmod(p, 0o755))
	case "mode":
		_ = os.Chmod(p, 0o700)
	case "removal":
		b.removeAll(p)
	case "link":
		b.removeAll(p)
		b.check(os.Symlink("type", p))
	case "owner":
		_ = os.Lchown(p, 12345, 12345) // only root can
	}
}

// generateLeftover makes a leftover of a killed pass.
func (b *sandbox) generateLeftover() {
	name := b.pick("leftover", ".gateway-a.new", ".gateway-a.old", ".gateway-b.old", ".gateway-gone.old", ".gateway-Upper.old",
		"gateway-a.tmp", ".gateway-a.tmp", ".gateway-gone.tmp", ".gateway-default.old")
	p := filepath.Join(b.scandir, name)
	b.generateSlot(p)
	if b.oneIn(2, "older") {
		then := time.Now().Add(-2 * time.Minute)
		b.check(os.Chtimes(p, then, then))
	}
}

// generateOther makes an entry that slotgen does not own.
func (b *sandbox) generateOther() {
	p := filepath.Join(b.scandir, b.pick("other", "other", "gateway-Upper", "gateway-a.b", "linked", "gateway-", ".other"))
	b.removeAll(p)
	if b.oneIn(2, "no directory") {
		b.generateNode(p)
		return
	}
	b.generateSlot(p)
}

// isHeld reports whether a supervisor of a slot runs.
func (b *sandbox) isHeld(service string) bool {
	return b.locks[service] != nil || b.locks[service+"/log"] != nil
}

// changeSupervisors starts and ends supervisors. With --prune none runs, because pruning a live
// slot takes seconds. With templates for data/ or env/ none runs either: slotgen treats these in a
// live slot otherwise than the contract.
func (b *sandbox) changeSupervisors(s settings) {
	for _, dir := range slices.Sorted(maps.Keys(b.locks)) {
		if s.prune || s.makesData() || b.oneIn(2, "ends") {
			b.unlock(dir)
		}
	}
	b.stopListening()
	if s.makesData() {
		return
	}
	for _, service := range b.slots() {
		switch {
		case s.prune || b.isHeld(service) || strings.HasSuffix(service, ".tmp"):
		case b.oneIn(4, "supervisor"):
			b.lock(service)
		case b.oneIn(10, "logger's supervisor"):
			if n, err := readNode(filepath.Join(b.scandir, service, "log")); err == nil && n.kind == aDirectory {
				b.lock(service + "/log")
			}
		}
	}
	if b.oneIn(8, "s6-svscan") {
		b.listen()
	}
}

// makesData reports whether a template makes a file in data/ or env/.
func (s settings) makesData() bool {
	for p := range s.overrides {
		if strings.Contains(p, "data/") || strings.Contains(p, "env/") {
			return true
		}
	}
	return false
}
