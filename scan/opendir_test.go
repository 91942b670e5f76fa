package scan

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Descriptor 0 is standard input: to close it, or to look below it, would be somebody else's.
func TestDirectoryThatCannotBeOpenedHasNoDescriptor(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "file", "")
	link(t, home, "away", "gone")
	v := openVolume(t, home)
	for _, name := range []string{"gone", "file", "away", "gone/below"} {
		if d, err := openDir(v.top, name, unix.O_PATH); d.fd >= 0 || err == nil {
			t.Errorf("%s: descriptor %d, error %v", name, d.fd, err)
		}
	}
	for _, name := range []string{"gone", "file"} {
		if d, err := v.stalePlace(Profile{Name: name}); d.fd >= 0 || err == nil {
			t.Errorf("the directory of profile %s: descriptor %d, error %v", name, d.fd, err)
		}
	}
}
