package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"

	"slotgen/internal/asuser"
)

const (
	defaultUser = "hermes"
	// fallbackID is the number of the user and the group hermes in the image.
	fallbackID = 10000
)

// account is the user that gateways run as. The name is empty if the user was given by
// numbers.
type account struct {
	name     string
	uid, gid int
	groups   []int
}

func (a account) credentials() asuser.User { return asuser.New(a.uid, a.gid, a.groups) }

// lookupUser parses UID:GID or looks up a name. On a machine without the user hermes it
// returns the numbers that hermes has in the image.
func lookupUser(spec string, msg messages) (account, error) {
	if uid, gid, found := strings.Cut(spec, ":"); found {
		return numericUser(spec, uid, gid)
	}
	u, err := user.Lookup(spec)
	_, unknown := errors.AsType[user.UnknownUserError](err)
	unknown = unknown || errors.Is(err, fs.ErrNotExist) // no /etc/passwd
	if unknown && spec == defaultUser {
		msg.warn("no user %q here: using %d:%d", spec, fallbackID, fallbackID)
		return account{uid: fallbackID, gid: fallbackID}, nil
	}
	if unknown {
		return account{}, withHint(fmt.Errorf("%q: no such user", spec), "numbers are given as UID:GID")
	}
	if err != nil {
		return account{}, fmt.Errorf("%q: %w", spec, err)
	}
	a, err := numericUser(spec, u.Uid, u.Gid)
	if err != nil {
		return a, err
	}
	a.name = spec
	a.groups, err = groupsOf(u)
	if err != nil {
		return a, fmt.Errorf("%q: finding the groups: %w", spec, err)
	}
	return a, nil
}

// groupsOf returns the groups that s6-setuidgid gives to a user.
func groupsOf(u *user.User) ([]int, error) {
	ids, err := u.GroupIds()
	var groups []int
	for _, id := range ids {
		if n, err := parseID(id); err == nil {
			groups = append(groups, n)
		}
	}
	return groups, err
}

func numericUser(spec, uid, gid string) (account, error) {
	u, uerr := parseID(uid)
	g, gerr := parseID(gid)
	if uerr != nil || gerr != nil {
		return account{}, fmt.Errorf("%q: not a name or UID:GID in decimal numbers", spec)
	}
	return account{uid: u, gid: g}, nil
}

// parseID parses a number from 0 to 2^32-2: chown takes 2^32-1 as "no change".
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return int(n), err
}
