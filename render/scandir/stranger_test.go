package scandir

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

// strangerVar names the scandir into which the test binary publishes as a user without
// privileges.
const strangerVar = "SLOTGEN_TEST_STRANGER"

const strangerID = 12345

// TestAsStranger runs in the process that asStranger starts, without privileges.
func TestAsStranger(t *testing.T) {
	path := os.Getenv(strangerVar)
	if path == "" {
		return // this is not the process of asStranger
	}
	d, err := Open(path, "gateway-")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Lock(t.Context(), testenv.HangLimit); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Change{Created, Unchanged} {
		if p := publish(t, d, slot("#!/bin/sh\n")); p.Change != want {
			t.Errorf("change %s: %v, want %s", p.Change, p.Differences, want)
		}
	}
}

// asStranger runs TestAsStranger in a scandir, as another user and with the umask 077. It
// returns the error of that process.
func asStranger(t *testing.T, path string) error {
	t.Helper()
	// The other user can't search the directories above the binary.
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestAsStranger$")
	cmd.Env = append(os.Environ(), strangerVar+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strangerID, Gid: strangerID}}
	cmd.Dir = "/"
	defer unix.Umask(unix.Umask(0o077))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s", out)
	}
	return err
}

// strangersDir makes a directory of the user uid, and lets everybody search it and its parent.
func strangersDir(t *testing.T, uid int) string {
	t.Helper()
	testenv.NeedRoot(t, "becomes somebody else")
	path := t.TempDir()
	for _, dir := range []string{filepath.Dir(path), path} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWithoutRootASlotHasTheOwnerForm(t *testing.T) {
	path := strangersDir(t, strangerID)
	if err := asStranger(t, path); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`
		0600/file/.slotgen.lock
		0755/dir/gateway-coder
		3730/dir/gateway-coder/event
		0755/file/gateway-coder/finish
		0755/dir/gateway-coder/log
		3730/dir/gateway-coder/log/event
		0755/file/gateway-coder/log/run
		0755/dir/gateway-coder/log/supervise
		0660/fifo/gateway-coder/log/supervise/control
		0755/file/gateway-coder/run
		0755/dir/gateway-coder/supervise
		0660/fifo/gateway-coder/supervise/control
		0644/file/gateway-coder/type`)
	if diff := cmp.Diff(want, listing(t, path, strangerID)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutRootAScandirOfRootIsAnErrorAndStays(t *testing.T) {
	path := strangersDir(t, 0)
	if err := asStranger(t, path); err == nil {
		t.Error("no error")
	}
	if got := names(t, path); len(got) > 0 {
		t.Errorf("it holds %q", got)
	}
}

// listing returns mode, type and path of everything below root. It fails the test for files
// that uid does not own.
func listing(t *testing.T, root string, uid uint32) []string {
	t.Helper()
	kinds := map[uint32]string{unix.S_IFDIR: "dir", unix.S_IFREG: "file", unix.S_IFIFO: "fifo"}
	var lines []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(path, &st)
		}
		if err != nil || path == root {
			return err
		}
		if st.Uid != uid || st.Gid != uid {
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
		lines = append(lines, fmt.Sprintf("%04o/%s/%s", st.Mode&^unix.S_IFMT, kinds[st.Mode&unix.S_IFMT], strings.TrimPrefix(path, root+"/")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
