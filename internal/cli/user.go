package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"
)

const (
	defaultUser = "hermes"
	// fallbackID is the image's own number for hermes, user and group.
	fallbackID = 10000
)

// account is the user that gateways run as. The name is empty where the user
// was given by numbers.
type account struct {
	name     string
	uid, gid int
}

// lookupUser reads UID:GID or looks a name up. An unknown hermes, on a machine
// that is not the image, is the image's.
func lookupUser(spec string, msg messages) (account, error) {
	if uid, gid, found := strings.Cut(spec, ":"); found {
		return numericUser(spec, uid, gid)
	}
	u, err := user.Lookup(spec)
	_, unknown := errors.AsType[user.UnknownUserError](err)
	unknown = unknown || errors.Is(err, fs.ErrNotExist) // there is no /etc/passwd
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
	a.name = spec
	return a, err
}

func numericUser(spec, uid, gid string) (account, error) {
	u, uerr := parseID(uid)
	g, gerr := parseID(gid)
	if uerr != nil || gerr != nil {
		return account{}, fmt.Errorf("%q: not a name or UID:GID in decimal numbers", spec)
	}
	return account{uid: u, gid: g}, nil
}

// parseID takes 0 to 2^32-2: the last number means "no change" to chown.
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return int(n), err
}
