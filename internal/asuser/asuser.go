// Package asuser does what touches the volume with the credentials of its user: the
// file-system uid and gid, and the groups. So slotgen can do there what the user can do, and
// nothing else, and what it makes belongs to the user (docs/design.md, "Credentials").
//
// The credentials are those of one thread (credentials(7)): every other thread keeps
// slotgen's own.
package asuser

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
)

// User is an account on whose behalf slotgen works. The zero User is root.
type User struct{ credentials }

// New returns the user with these numbers. Groups are its supplementary groups. The user has no
// capabilities: some go beyond its rights, whatever the file-system uid is.
func New(uid, gid int, groups []int) User {
	return User{credentials{uid: uid, gid: gid, groups: slices.Concat(groups, []int{gid})}}
}

// IsSelf reports whether Do switches nothing: slotgen is not root, or the user is.
func (u User) IsSelf() bool { return os.Geteuid() != 0 || u.uid == 0 }

// isCurrent reports whether the thread has the user's credentials already.
func (u User) isCurrent() bool {
	uid, _ := unix.SetfsuidRetUid(noChange)
	return uid == u.uid
}

// noChange makes the calls that set a number return the one that is set.
const noChange = -1

// Do runs f as the user, on the thread of the caller. Inside of f, Do runs at once. An error
// says that the thread could not take the user's credentials: then f did not run. A
// goroutine that f starts does not have the credentials, and calls Do itself. F must not start a
// program.
func (u User) Do(f func()) error {
	if u.IsSelf() || u.isCurrent() {
		f()
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := current()
	if err != nil {
		return u.failed(err)
	}
	defer func() {
		if err := own.take(); err != nil {
			panic(fmt.Sprintf("taking root's credentials again: %v", err)) // no other code may have this thread
		}
	}()
	if err := u.take(); err != nil {
		return u.failed(err)
	}
	f()
	return nil
}

func (u User) failed(err error) error {
	return hint.Add(fmt.Errorf("taking the credentials of user %d:%d: %w", u.uid, u.gid, err),
		"root needs CAP_SETUID and CAP_SETGID for that, and the user has to exist in the user namespace; --user 0:0 works as root")
}

// credentials are those of a thread that count for files.
type credentials struct {
	uid, gid int
	groups   []int
	caps     [2]unix.CapUserData
}

// current returns the credentials of the thread.
func current() (c credentials, err error) {
	c.uid, _ = unix.SetfsuidRetUid(noChange)
	c.gid, _ = unix.SetfsgidRetGid(noChange)
	if c.groups, err = unix.Getgroups(); err != nil {
		return c, err
	}
	c.caps, err = capabilities()
	return c, err
}

func capabilities() (caps [2]unix.CapUserData, err error) {
	return caps, unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0])
}

// setEffective sets the effective capabilities of the thread to those of caps.
func setEffective(caps [2]unix.CapUserData) error {
	now, err := capabilities()
	if err != nil {
		return err
	}
	for i := range now {
		now[i].Effective = caps[i].Effective & now[i].Permitted
	}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &now[0])
}

// take gives the thread these credentials, and returns an error unless it has them. It sets
// the file-system uid first on the way back to root, and last on the way to the user: the uid
// of root brings the capabilities that the other calls need.
func (c credentials) take() error {
	if c.uid == 0 {
		_, _ = unix.SetfsuidRetUid(c.uid)
		if err := setEffective(c.caps); err != nil {
			return err
		}
	}
	if err := setGroups(c.groups); err != nil {
		return err
	}
	_, _ = unix.SetfsgidRetGid(c.gid) // these two report no error
	if c.uid != 0 {
		_, _ = unix.SetfsuidRetUid(c.uid)
		if err := setEffective(c.caps); err != nil {
			return err
		}
	}
	return c.check()
}

// setGroups gives the thread these groups. It changes nothing when the thread has them: a
// user namespace may refuse the call.
func setGroups(groups []int) error {
	now, err := unix.Getgroups()
	if err != nil || slices.Equal(sorted(now), sorted(groups)) {
		return err
	}
	return unix.Setgroups(groups)
}

// check reports an error unless the thread has the credentials.
func (c credentials) check() error {
	now, err := current()
	switch {
	case err != nil:
		return err
	case now.uid != c.uid, now.gid != c.gid:
		return unix.EPERM
	case !slices.Equal(sorted(now.groups), sorted(c.groups)):
		return errors.New("the groups are not taken")
	case now.caps[0].Effective != c.caps[0].Effective, now.caps[1].Effective != c.caps[1].Effective:
		return errors.New("the capabilities are not taken")
	}
	return nil
}

func sorted(groups []int) []int {
	return slices.Compact(slices.Sorted(slices.Values(groups)))
}
