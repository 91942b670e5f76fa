package fdio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxNames bounds the reading of a directory. It is about ten times the number of profiles
// that a volume is meant for.
const maxNames = 200_000

// usualNames is room for the names of a slot, in bytes.
const usualNames = 1 << 10

// Names returns the names in a directory that was just opened, in no order. If reading fails, or
// after 200,000 names, it returns the names so far and an error.
func Names(dir int) ([]string, error) { return listNames(dir, maxNames) }

func listNames(dir, most int) (names []string, err error) {
	err = list(dir, make([]byte, usualNames), most, func(name []byte, _ uint8) { names = append(names, string(name)) })
	return names, err
}

// List calls each with the name and the type of every entry of a directory that was just opened,
// in no order. The type is unix.DT_DIR or another DT constant; some file systems know only
// DT_UNKNOWN. It ends after 200,000 names with an error. The name is valid during the call only.
func List(dir int, each func(name []byte, kind uint8)) error {
	return list(dir, make([]byte, usualNames), maxNames, each)
}

// list reads records into buf, and into a larger one where a name does not fit.
func list(dir int, buf []byte, most int, each func(name []byte, kind uint8)) error {
	for seen := 0; ; {
		n, err := again(func() (int, error) { return unix.ReadDirent(dir, buf) })
		if errors.Is(err, unix.EINVAL) && len(buf) < 64<<10 {
			buf = make([]byte, 4*len(buf))
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		// A record is struct linux_dirent64 of getdents64(2).
		for rest := buf[:n]; len(rest) > 0; {
			length := binary.NativeEndian.Uint16(rest[16:])
			kind := rest[18]
			name, _, _ := bytes.Cut(rest[19:length], []byte{0})
			rest = rest[length:]
			if string(name) == "." || string(name) == ".." {
				continue
			}
			if seen++; seen > most {
				return fmt.Errorf("more than %d entries, of which the rest is not read", most)
			}
			each(name, kind)
		}
	}
}
