package render

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
	"slotgen/internal/hint"
)

// maxLinks bounds the links in the path of one template.
const maxLinks = 40

// checkParents checks every directory from the override directory down to rel. It resolves
// links. It returns an error where another account may write to a directory.
func (o *override) checkParents(rel string) error {
	left := strings.Split(rel, "/")
	at := "."
	for links := 0; len(left) > 0; {
		if err := o.checkDir(at); err != nil {
			return err
		}
		next := path.Join(at, left[0])
		left = left[1:]
		target, err := o.root.Readlink(next)
		if err != nil {
			at = next // not a link, or opening it fails later
			continue
		}
		if links++; links > maxLinks {
			return errors.New("too many links on the way to it")
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return nil
}

func (o *override) checkDir(rel string) error {
	f, err := o.root.OpenFile(rel, unix.O_PATH, 0)
	if err != nil {
		return linkError(err)
	}
	defer f.Close()
	return checkTrusted(f)
}

// checkTrusted returns an error when an account besides root and slotgen's own may write to
// the open file or directory: root executes the scripts in it. It accepts everything on a
// read-only mount.
func checkTrusted(f *os.File) error {
	var fsinfo unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fsinfo); err != nil {
		return err
	}
	if fsinfo.Flags&unix.ST_RDONLY != 0 {
		return nil
	}
	st, err := fdio.StatOpen(int(f.Fd()))
	if err != nil {
		return err
	}
	name := filepath.Clean(f.Name()) // the name of the directory itself is "DIR/."
	const remedy = "mount the override directory read-only, or give it to root with chown and chmod go-w"
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return hint.Add(fmt.Errorf("%q belongs to uid %d, who could change what root runs", name, st.Uid), remedy)
	}
	if st.Mode&0o022 != 0 {
		return hint.Add(fmt.Errorf("%q has mode %04o: its group or others could change what root runs", name, st.Mode&0o7777), remedy)
	}
	return nil
}
