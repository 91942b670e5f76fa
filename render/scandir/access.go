package scandir

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Access says who may control a slot's service besides root. It decides which of
// supervise/, supervise/control and event/ slotgen makes, and for whom
// (docs/design.md, "Access").
type Access string

// The forms of access. AccessGroup allows s6-svc, s6-svstat and s6-svok. AccessEvents and
// AccessOwner add s6-svwait, and let the user reach further than its own service: see
// Dangerous.
const (
	AccessGroup  Access = "group"
	AccessEvents Access = "events"
	AccessOwner  Access = "owner"
	AccessRoot   Access = "root"
)

// ParseAccess returns the form with the given name.
func ParseAccess(name string) (Access, error) {
	switch a := Access(name); a {
	case AccessGroup, AccessEvents, AccessOwner, AccessRoot:
		return a, nil
	}
	return "", fmt.Errorf("%q: must be group, events, owner or root", name)
}

// Dangerous describes the damage that the form lets the user do beyond its own service, or
// returns "".
func (a Access) Dangerous() string {
	switch a {
	case AccessEvents:
		return "the group can make root write event bytes into any file, another service's control among them"
	case AccessOwner:
		return "the user can make root overwrite any file"
	case AccessGroup, AccessRoot:
	}
	return ""
}

// Owners holds the owners of the parts of a slot.
type Owners struct {
	// Access is the form of the supervise skeleton.
	Access Access
	// UID and GID identify the user.
	UID, GID int
	// selfUID and selfGID identify the account that slotgen and s6-supervise run as.
	selfUID, selfGID int
}

// Owners returns the owners that slots in the scandir have. They differ from those of OwnersFor
// when slotgen only looks at a scandir that belongs to root.
func (d *Dir) Owners(access Access, uid, gid int) Owners {
	if d.foreign {
		return Owners{Access: access, UID: uid, GID: gid}
	}
	return OwnersFor(access, uid, gid)
}

// OwnersFor returns the owners for a user. Without root privileges slotgen can't give files
// away: it makes the owner form as itself.
func OwnersFor(access Access, uid, gid int) Owners {
	o := Owners{Access: access, UID: uid, GID: gid, selfUID: os.Geteuid(), selfGID: os.Getegid()}
	if o.selfUID != 0 {
		o.Access, o.UID, o.GID = AccessOwner, o.selfUID, o.selfGID
	}
	return o
}

// skeleton adds the nodes of supervise/ and event/ in the service directory at prefix, which
// is "" or "log/".
func (o Owners) skeleton(nodes []Node, prefix string) []Node {
	// s6-supervise makes missing ones with these modes (s6, "s6-supervise").
	event := Node{path: prefix + "event", kind: unix.S_IFDIR, Mode: 0o3730, UID: o.selfUID, GID: o.selfGID, optional: true}
	supervise := Node{path: prefix + "supervise", kind: unix.S_IFDIR, Mode: 0o700, UID: o.selfUID, GID: o.selfGID, optional: true}
	if o.Access == AccessRoot {
		return append(nodes, event, supervise)
	}
	supervise.optional, supervise.Mode, supervise.GID = false, 0o710, o.GID
	control := Node{path: prefix + "supervise/control", kind: unix.S_IFIFO, Mode: 0o620, UID: o.selfUID, GID: o.GID}
	if o.Access == AccessEvents {
		event.optional, event.GID = false, o.GID
	}
	if o.Access == AccessOwner {
		event.optional, event.UID, event.GID = false, o.UID, o.GID
		supervise.Mode, supervise.UID = 0o755, o.UID
		control.Mode, control.UID = 0o660, o.UID
	}
	return append(nodes, event, supervise, control)
}
