package scan

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKernelsWithoutOpenat2OpenAndRefuseTheSame(t *testing.T) {
	t.Parallel()
	home := newHome(t)
	put(t, home, "real/file", "")
	put(t, home, "real/deep/file", "")
	fifo(t, home, "real/pipe")
	link(t, home, "real/link", "file")
	link(t, home, "near", "real")
	link(t, home, "away", "/etc")
	v := openVolume(t, home)
	tests := []struct {
		name  string
		flags int
		want  error
	}{
		{"real/file", unix.O_RDONLY, nil},
		{"real/deep/file", unix.O_RDONLY, nil},
		{"real/deep", unix.O_PATH | unix.O_DIRECTORY, nil},
		{"real/deep", unix.O_RDONLY | unix.O_DIRECTORY, nil},
		{"real/pipe", unix.O_RDONLY, nil},
		{"real/pipe", unix.O_WRONLY, unix.ENXIO},
		{"real/gone", unix.O_RDONLY, unix.ENOENT},
		{"gone/file", unix.O_RDONLY, unix.ENOENT},
		{"real/file/file", unix.O_RDONLY, unix.ENOTDIR},
		{"real/file", unix.O_PATH | unix.O_DIRECTORY, unix.ENOTDIR},
		{"real/link", unix.O_RDONLY, unix.ELOOP},
		{"near/file", unix.O_RDONLY, unix.ENOTDIR},
		{"away/passwd", unix.O_RDONLY, unix.ENOTDIR},
	}
	for _, tt := range tests {
		fd, err := openByElement(v.top.fd, tt.name, tt.flags)
		_ = unix.Close(fd)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v element by element, want %v", tt.name, err, tt.want)
		}
		fd, err = openBeneath(v.top.fd, tt.name, tt.flags)
		_ = unix.Close(fd)
		// Of a link on the way openat2 says ELOOP; both words lead to os.Root.
		if !errors.Is(err, tt.want) && (!errors.Is(err, unix.ELOOP) || !errors.Is(tt.want, unix.ENOTDIR)) {
			t.Errorf("%s: %v at once, want %v", tt.name, err, tt.want)
		}
	}
}
