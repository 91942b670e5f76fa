package model

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
)

// slot is the expected service directory of a profile.
type slot struct {
	tree
	// s6s holds nodes that s6-supervise makes itself. They may be missing.
	s6s tree
}

// slot returns the slot of a profile. ok is false when slotgen refuses a template.
func (x situation) slot(r row) (s slot, ok bool) {
	texts, ok := x.texts(r)
	if !ok {
		return s, false
	}
	s = slot{tree: tree{"": x.directory()}, s6s: tree{}}
	x.addSkeleton(s, "")
	for p, text := range texts {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if s.holds(dir) {
				continue
			}
			s.tree[dir] = x.directory()
			if dir == "log" {
				x.addSkeleton(s, "log")
			}
		}
		s.tree[p] = x.file(p, text)
	}
	if r.action != started {
		s.tree["down"] = x.file("down", "")
	}
	return s, true
}

func (x situation) directory() node {
	return node{kind: aDirectory, mode: 0o755, uid: x.selfUID, gid: x.selfGID}
}

func (x situation) file(p, text string) node {
	n := node{kind: aFile, mode: 0o644, uid: x.selfUID, gid: x.selfGID, text: text}
	if base := path.Base(p); strings.HasPrefix(text, "#!") || base == "run" || base == "finish" {
		n.mode = 0o755
	}
	return n
}

// texts returns the files of a profile's slot without down.
func (x situation) texts(r row) (texts map[string]string, ok bool) {
	texts = maps.Clone(x.embedded(r.name))
	own := "profiles/" + r.name + "/"
	for p, o := range x.overrides {
		if name, found := strings.CutPrefix(p, own); found {
			p = name
		} else if _, replaced := x.overrides[own+p]; replaced || strings.HasPrefix(p, "profiles/") {
			continue
		}
		if o.broken {
			return nil, false
		}
		texts[p] = x.rendered(r, o.text)
		if strings.TrimSpace(texts[p]) == "" {
			delete(texts, p)
		}
	}
	hasLogger := false
	for p := range texts {
		hasLogger = hasLogger || strings.HasPrefix(p, "log/")
	}
	return texts, texts["run"] != "" && texts["type"] != "" && (!hasLogger || texts["log/run"] != "")
}

// rendered returns the result of a template that uses only fields.
func (x situation) rendered(r row, text string) string {
	state := ""
	if r.known {
		state = r.state
	}
	return strings.NewReplacer(
		"{{/* none */}}", "",
		"{{ .Name }}", r.name,
		"{{ .Service }}", r.service(),
		"{{ .Default }}", strconv.FormatBool(r.name == "default"),
		"{{ .Dir }}", path.Join(x.homePath, r.dir),
		"{{ .Home }}", x.homePath,
		"{{ .UID }}:{{ .GID }}", fmt.Sprintf("%d:%d", x.uid, x.gid),
		"{{ .Start }}", strconv.FormatBool(r.action == started),
		"{{ .PriorExit }}", r.exit,
		"{{ .PriorState | len }}", strconv.Itoa(len(state)),
		"{{ .CommandDir }}/{{ .Command }}", "/command/hermes",
	).Replace(text)
}

// addSkeleton adds supervise/ and event/ to the slot or to its log/.
func (x situation) addSkeleton(s slot, dir string) {
	supervise := node{kind: aDirectory, mode: 0o710, uid: x.selfUID, gid: x.gid}
	control := node{kind: aFIFO, mode: 0o620, uid: x.selfUID, gid: x.gid}
	event := node{kind: aDirectory, mode: 0o3730, uid: x.selfUID, gid: x.gid}
	at := func(name string) string { return path.Join(dir, name) }
	switch {
	case x.access == "root" && x.isRoot:
		supervise.mode, supervise.gid, event.gid = 0o700, x.selfGID, x.selfGID
		s.s6s[at("supervise")], s.s6s[at("event")] = supervise, event
		return
	case x.access == "group" && x.isRoot:
		event.gid = x.selfGID
		s.s6s[at("event")] = event
	case x.access == "events" && x.isRoot:
		s.tree[at("event")] = event
	default:
		uid, gid := x.uid, x.gid
		if !x.isRoot { // only root can give files away
			uid, gid = x.selfUID, x.selfGID
		}
		supervise.mode, supervise.uid, supervise.gid = 0o755, uid, gid
		control.mode, control.uid, control.gid = 0o660, uid, gid
		event.uid, event.gid = uid, gid
		s.tree[at("event")] = event
	}
	s.tree[at("supervise")], s.tree[at("supervise/control")] = supervise, control
}

// isSkeleton reports whether a path of a slot is a directory of s6. isInside reports whether a
// path is below such a directory.
func isSkeleton(p string) bool {
	p = strings.TrimPrefix(p, "log/")
	return p == "supervise" || p == "event"
}

func isInside(p string) bool {
	p = strings.TrimPrefix(p, "log/")
	return strings.HasPrefix(p, "supervise/") || strings.HasPrefix(p, "event/")
}

// differs returns the paths at which a slot on disk is not as expected.
func (s slot) differs(have tree) map[string]bool {
	paths := map[string]bool{}
	for p, n := range have {
		want, found := s.tree[p]
		if !found {
			want, found = s.s6s[p]
		}
		if !isInside(p) && (!found || !want.sameAs(n)) {
			paths[p] = true
		}
	}
	for p := range s.tree {
		if !isInside(p) && !have.holds(p) {
			paths[p] = true
		}
	}
	return paths
}
