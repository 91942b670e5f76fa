package fdio

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newDir makes a directory with files of many types, and opens it.
func newDir(t *testing.T) (path string, dir int) {
	t.Helper()
	path = t.TempDir()
	at := func(name string) string { return filepath.Join(path, name) }
	for _, err := range []error{
		os.MkdirAll(at("real/deep"), 0o755),
		os.WriteFile(at("real/file"), []byte("text"), 0o644),
		os.WriteFile(at("real/deep/file"), nil, 0o644),
		unix.Mkfifo(at("real/pipe"), 0o644),
		os.Symlink("file", at("real/link")),
		os.Symlink("real", at("near")),
		os.Symlink("/etc", at("away")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path, openDir(t, path)
}

func openDir(t *testing.T, path string) int {
	t.Helper()
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(dir) })
	return dir
}

func TestOpenFollowsNoLinkAndNeverBlocks(t *testing.T) {
	t.Parallel()
	_, dir := newDir(t)
	for _, tt := range []struct {
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
		{"near", unix.O_PATH | unix.O_DIRECTORY, unix.ENOTDIR},
		{"near/file", unix.O_RDONLY, unix.ENOTDIR},
		{"away/passwd", unix.O_RDONLY, unix.ENOTDIR},
	} {
		fd, err := OpenBeneath(dir, tt.name, tt.flags)
		if !errors.Is(err, tt.want) || (err != nil) != (fd == -1) {
			t.Errorf("%s: descriptor %d, %v; want %v", tt.name, fd, err, tt.want)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}

func TestFollowFollowsLinksButNoMagicOnes(t *testing.T) {
	path, dir := newDir(t)
	for name, target := range map[string]string{"inside": "real/file", "absolute": path + "/real/file"} {
		if err := os.Symlink(target, path+"/to-"+name); err != nil {
			t.Fatal(err)
		}
		fd, err := Follow(dir, "to-"+name, unix.O_RDONLY)
		if err != nil {
			t.Errorf("a link that leads %s: %v", name, err)
			continue
		}
		unix.Close(fd)
	}
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", dir), path+"/magic"); err != nil {
		t.Fatal(err)
	}
	fd, err := Follow(dir, "magic", unix.O_RDONLY)
	if err == nil {
		unix.Close(fd)
	}
	straight, missing := OpenStraight(dir, ".", unix.O_PATH)
	if missing == nil {
		unix.Close(straight)
	}
	if missing == nil && !errors.Is(err, unix.ELOOP) {
		t.Errorf("a magic link: %v, want ELOOP", err)
	}
}

func TestCallThatASignalInterruptsIsMadeAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	n, err := again(func() (int, error) {
		if calls++; calls < 3 {
			return -1, unix.EINTR
		}
		return 7, nil
	})
	if n != 7 || err != nil || calls != 3 {
		t.Errorf("%d, %v after %d calls; want 7 after 3", n, err, calls)
	}
}

func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	path, dir := newDir(t)
	for _, tt := range []struct {
		size, most, want int
		err              error
	}{
		{0, 0, 0, nil},
		{0, 10, 0, nil},
		{1, 0, 1, ErrTooLarge},
		{9, 10, 9, nil},
		{10, 10, 10, nil},
		{11, 10, 11, ErrTooLarge},
		{100_000, 10, 11, ErrTooLarge},
		{100_000, 100_000, 100_000, nil},
	} {
		text := bytes.Repeat([]byte("x"), tt.size)
		if err := os.WriteFile(filepath.Join(path, "file"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		fd, err := Open(dir, "file", unix.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(fd, tt.most)
		if !bytes.Equal(got, text[:tt.want]) || !errors.Is(err, tt.err) {
			t.Errorf("%d bytes, at most %d: %.20q of %d bytes, %v", tt.size, tt.most, got, len(got), err)
		}
		unix.Close(fd)
	}
}

// The size of a file in /proc is 0.
func TestReadReadsToTheEndWhateverTheSizeIs(t *testing.T) {
	t.Parallel()
	fd, err := Open(openDir(t, "/proc/self"), "status", unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if text, err := Read(fd, 1<<20); !bytes.Contains(text, []byte("\nUid:")) || err != nil {
		t.Errorf("%.20q, %v", text, err)
	}
}

func TestReadReadsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	_, dir := newDir(t)
	for _, name := range []string{"real/pipe", "real/deep"} {
		fd, err := OpenBeneath(dir, name, unix.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := Read(fd, 10); len(text) > 0 || !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		unix.Close(fd)
	}
}

func TestNamesAreListedUpToABound(t *testing.T) {
	t.Parallel()
	path, dir := newDir(t)
	for _, tt := range []struct {
		most, want int
		err        string
	}{
		{3, 3, ""},
		{2, 2, "more than 2 entries, of which the rest is not read"},
	} {
		names, err := listNames(openDir(t, path), tt.most)
		if len(names) != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("at most %d: %q, error %v", tt.most, names, err)
		}
	}
	names, err := Names(dir)
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "away near real" || err != nil {
		t.Errorf("names %q, %v", got, err)
	}
}

// A FUSE server may have names of more than a thousand bytes.
func TestNameThatDoesNotFitIntoTheBufferIsListed(t *testing.T) {
	t.Parallel()
	path, _ := newDir(t)
	var names []string
	err := list(openDir(t, path), make([]byte, 8), 10, func(name []byte, _ uint8) { names = append(names, string(name)) })
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "away near real" || err != nil {
		t.Errorf("names %q, %v", got, err)
	}
}

func TestRenameNewReplacesNothing(t *testing.T) {
	t.Parallel()
	for how, rename := range map[string]func(int, string, int, string) error{"flags": RenameNew, "no flags": renameWithoutFlags} {
		path, dir := newDir(t)
		deep := openDir(t, filepath.Join(path, "real/deep"))
		for _, tt := range []struct {
			from, to string
			want     error
		}{
			{"away", "near", fs.ErrExist},
			{"real", "near", fs.ErrExist},
			{"real", "real", fs.ErrExist},
			{"gone", "new", fs.ErrNotExist},
			{"real/file", "near", fs.ErrExist},
			{"real/file", "new", nil},
			{"near", "newer", nil},
			{"real", "newest", nil},
		} {
			if err := rename(dir, tt.from, dir, tt.to); !errors.Is(err, tt.want) {
				t.Errorf("%s: %s to %s: %v, want %v", how, tt.from, tt.to, err, tt.want)
			}
		}
		if err := rename(dir, "new", deep, "file"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: to a taken name elsewhere: %v", how, err)
		}
		if text, err := os.ReadFile(filepath.Join(path, "new")); string(text) != "text" || err != nil {
			t.Errorf("%s: the renamed file holds %q, %v", how, text, err)
		}
	}
}

func TestRenameWithoutFlagsKeepsAnExistingEmptyDirectory(t *testing.T) {
	t.Parallel()
	path, dir := newDir(t)
	if err := os.Mkdir(filepath.Join(path, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := renameWithoutFlags(dir, "real", dir, "empty"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want that it exists", err)
	}
}
