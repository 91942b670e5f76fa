package scan

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slotgen/internal/fdio"
)

const (
	// maxCounted is how many directories and links a pass looks at.
	maxCounted = 10_000
	// maxMisnamed is how many of those are listed whose names no slot can have, and maxPlain how
	// many plain files. Each of them is printed in several places, and there may be any number.
	maxMisnamed = 1000
	maxPlain    = 1000
)

// firstNames keeps the first names in byte order and counts all.
type firstNames struct {
	most, count int
	names       []string
}

func (f *firstNames) add(name []byte) {
	f.count++
	if f.count > 2*f.most && string(name) > f.names[f.most-1] {
		return
	}
	f.names = append(f.names, string(name))
	if len(f.names) > 2*f.most {
		f.cut()
	}
}

func (f *firstNames) cut() {
	slices.Sort(f.names)
	most := min(f.most, len(f.names))
	clear(f.names[most:])
	f.names = f.names[:most]
}

func (f *firstNames) dropped() int { return f.count - len(f.names) }

// names are the names in the profiles folder, by what a pass does with them.
type names struct {
	// chosen are the names that were asked for, and exist.
	chosen []string
	// counted are directories and links, misnamed those of them that no slot can be called after,
	// and plain everything that is neither or begins with a dot.
	counted, misnamed, plain firstNames
}

// names lists a directory that was opened for that. The names of only are always among them. The
// error is the one of reading; err of the result says that names are missing.
func (d dir) names(l Layout, only map[string]bool) (n names, err error) {
	repeats := false
	err = d.patience.try(d.path, func() error {
		if repeats { // begin at the first name again
			if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
				return err
			}
		}
		repeats = true
		n = names{
			counted: firstNames{most: maxCounted}, misnamed: firstNames{most: maxMisnamed}, plain: firstNames{most: maxPlain},
		}
		return fdio.List(d.fd, func(name []byte, kind uint8) {
			switch {
			case only[string(name)]:
				n.chosen = append(n.chosen, string(name))
			case name[0] == '.' || d.isPlain(name, kind):
				n.plain.add(name)
			case l.CheckName(string(name)) != "":
				n.misnamed.add(name)
			default:
				n.counted.add(name)
			}
		})
	})
	for _, f := range []*firstNames{&n.counted, &n.misnamed, &n.plain} {
		f.cut()
	}
	if n.counted.dropped() > 0 && err == nil {
		err = fmt.Errorf("more than %d directories and links, of which the rest is not read", maxCounted)
	}
	return n, err
}

// isPlain reports whether an entry is neither a directory nor a link.
func (d dir) isPlain(name []byte, kind uint8) bool {
	if kind == unix.DT_UNKNOWN {
		st, err := d.lstat(string(name))
		format := st.Mode & unix.S_IFMT
		return err == nil && format != unix.S_IFDIR && format != unix.S_IFLNK
	}
	return kind != unix.DT_DIR && kind != unix.DT_LNK
}

// toLookAt returns the names that may be profiles or have a reason not to be, in byte order.
func (n *names) toLookAt() []string {
	return slices.Sorted(slices.Values(slices.Concat(n.chosen, n.counted.names, n.misnamed.names)))
}

// plainReason returns the reason why an entry that is no directory is no profile.
func plainReason(name string) noProfile {
	if strings.HasPrefix(name, ".") {
		return dotName
	}
	return noDirectory
}
