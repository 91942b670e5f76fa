package scandir

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// stageAge is how old a staging directory of the image's own code has to be
// before it counts as left behind: that code does not take our lock.
const stageAge = time.Minute

// Sweep clears what killed passes left: staged slots are removed; a slot that
// was moved aside gets its name back when that is free and wanted says that
// the service has a profile, and is removed otherwise, or left hidden where
// wanted is nil and nobody knows; staging directories of
// the image's own code go when they are old. What a supervisor still holds
// stays. It returns warnings for what could not be cleared.
func (d *Dir) Sweep(now time.Time, wanted func(service string) bool) []string {
	names, err := d.names()
	if err != nil {
		return []string{fmt.Sprintf("sweeping scandir %q: %s", d.path, err)}
	}
	var warnings []string
	for _, name := range names {
		if err := d.sweep(name, now, wanted); err != nil {
			warnings = append(warnings, fmt.Sprintf("clearing leftover %+q in scandir %q: %s", name, d.path, err))
		}
	}
	return warnings
}

func (d *Dir) names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, bare(err)
}

func (d *Dir) sweep(name string, now time.Time, wanted func(string) bool) error {
	hidden := strings.HasPrefix(name, ".gateway-")
	service := strings.TrimPrefix(name, ".")
	switch {
	case hidden && strings.HasSuffix(name, ".new"):
		return d.removeAll(name)
	case hidden && strings.HasSuffix(name, ".old"):
		return d.sweepAside(name, strings.TrimSuffix(service, ".old"), wanted)
	case hidden && strings.HasSuffix(name, ".tmp"):
		return d.sweepOld(name, now)
	case strings.HasPrefix(name, "gateway-") && strings.HasSuffix(name, ".tmp"):
		return d.sweepUnheld(name)
	}
	return nil
}

func (d *Dir) sweepAside(name, service string, wanted func(string) bool) error {
	if wanted == nil {
		return nil
	}
	if wanted(service) {
		err := unix.Renameat2(d.fd, name, d.fd, service, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
			err = d.renameIfFree(name, service)
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return d.sweepUnheld(name)
}

func (d *Dir) renameIfFree(from, to string) error {
	var st unix.Stat_t
	if unix.Fstatat(d.fd, to, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return fs.ErrExist
	}
	return d.rename(from, to)
}

func (d *Dir) sweepUnheld(name string) error {
	held, err := d.held(name)
	if err != nil {
		return err
	}
	if held {
		return errors.New("a supervisor still runs in it, left alone")
	}
	return d.removeAll(name)
}

func (d *Dir) sweepOld(name string, now time.Time) error {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return ignoreMissing(err)
	}
	if now.Sub(time.Unix(st.Mtim.Unix())) < stageAge {
		return nil
	}
	return d.removeAll(name)
}

// removeAll never follows a link; a name that is already gone is no error.
func (d *Dir) removeAll(name string) error { return bare(d.root.RemoveAll(name)) }
