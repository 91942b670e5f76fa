package render

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/hint"
)

// maxLinks bounds the links on the way to one template.
const maxLinks = 40

// checkWay asks of every directory on the way to rel, from the override
// directory down and with links resolved, whether somebody else may write it.
func (o *override) checkWay(rel string) error {
	left := strings.Split(rel, "/")
	at := "."
	for links := 0; len(left) > 0; {
		if err := o.checkDir(at); err != nil {
			return err
		}
		name := left[0]
		left = left[1:]
		if name == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, name)
		target, err := o.root.Readlink(next)
		if err != nil {
			at = next // no link; that it can be opened shows later
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
	return trusted(f)
}

// trusted returns an error when the open file or directory may be written by
// somebody else than root and ourselves: what is in it becomes a script that root
// executes. On a read-only mount nobody writes.
func trusted(f *os.File) error {
	var fsinfo unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fsinfo); err != nil {
		return err
	}
	if fsinfo.Flags&unix.ST_RDONLY != 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	name := filepath.Clean(f.Name()) // of the directory itself it is "DIR/."
	const remedy = "mount the override directory read-only, or give it to root with chown and chmod go-w"
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return hint.Add(fmt.Errorf("%q belongs to uid %d, who could make it anything that root runs", name, st.Uid), remedy)
	}
	if st.Mode&0o022 != 0 {
		return hint.Add(fmt.Errorf("%q has mode %04o: its group or others could make it anything that root runs", name, st.Mode&0o7777), remedy)
	}
	return nil
}
