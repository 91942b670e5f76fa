package scan

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Profiles is the open profiles folder of a volume. It is for a caller that looks at the
// entries and reads no file of a profile. Its methods, like Volume.Profiles, are called inside
// of Volume.AsUser.
type Profiles struct {
	d      dir
	layout Layout
}

// Profiles opens the profiles folder, through links. The error is fs.ErrNotExist where there is none.
func (v *Volume) Profiles() (*Profiles, error) {
	d, err := openDir(v.top, v.layout.Profiles, unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", v.profilesPath(), err)
	}
	return &Profiles{d, v.layout}, nil
}

// FD returns the descriptor of the profiles folder.
func (p *Profiles) FD() int { return p.d.fd }

// Close releases the descriptor.
func (p *Profiles) Close() error { return unix.Close(p.d.fd) }

// Names lists the directories and links in byte order, with the bounds of a scan. After an error in
// the middle, and beyond the bounds, it returns the names before it, and the error.
func (p *Profiles) Names() ([]string, error) {
	names, err := p.d.names(p.layout, nil)
	return names.toLookAt(), err
}

// Stat describes the entry itself. It does not follow a link.
func (p *Profiles) Stat(name string) (unix.Stat_t, error) {
	return p.d.lstat(name)
}

// Judge returns the verdict of Scan on an entry whose files can be read, with the reason
// when it is no profile. Waits reports a directory without the marker.
func (p *Profiles) Judge(name string) (verdict Verdict, why string, waits bool) {
	d, verdict, err := p.layout.judge(p.d, name)
	d.close()
	if err != nil {
		why = err.Error()
	}
	return verdict, why, errors.Is(err, p.layout.noMarker())
}

// EntryFD opens an entry's directory with O_PATH, through links. The caller closes it.
func (p *Profiles) EntryFD(name string) (int, error) {
	d, err := openDir(p.d, name, unix.O_PATH)
	return d.fd, err
}

// StatIn describes a name in the open directory of a profile, through links.
func (p *Profiles) StatIn(fd int, name string) (st unix.Stat_t, err error) {
	d := dir{fd: fd, path: p.d.path, patience: p.d.patience}
	err = d.patience.try(d.join(name), func() error {
		w, err := d.follow(name, func(w *walk, name string) (err error) {
			st, err = w.stat(name)
			return err
		})
		return w.explain(err)
	})
	return st, err
}

// Exists reports whether the profiles folder holds anything of that name.
func (v *Volume) Exists(name string) (exists bool, err error) {
	err = v.AsUser(func() error {
		p, err := v.Profiles()
		if err != nil {
			return err
		}
		defer p.Close()
		_, err = p.Stat(name)
		exists = err == nil
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading %+q: %w", p.d.join(name), err)
		}
		return nil
	})
	return exists, err
}
