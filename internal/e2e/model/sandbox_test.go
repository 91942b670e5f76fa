package model

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"slotgen/internal/testenv"
)

// sandbox is the directory of one case.
type sandbox struct {
	*rapid.T
	top, home, scandir, templates, proc string
	// locks holds the locks of supervisors, by their directories in the scandir.
	locks map[string]*os.File
	// scanner is the descriptor of the control pipe of an s6-svscan that listens, or 0.
	scanner int
}

// newSandbox makes an empty home and no scandir.
func newSandbox(t *rapid.T) *sandbox {
	top, err := os.MkdirTemp(sandboxParent(), "slotgen-model-")
	if err != nil {
		t.Fatal(err)
	}
	b := &sandbox{
		T: t, top: top, home: top + "/home", scandir: top + "/service",
		templates: top + "/templates", proc: top + "/proc", locks: map[string]*os.File{},
	}
	t.Cleanup(b.close)
	b.check(os.Chmod(top, 0o755))
	b.mkdir(b.home, 0o755)
	return b
}

// giveHome gives the volume to a user, where that is possible.
func (b *sandbox) giveHome(uid, gid int) {
	if !isRoot {
		return
	}
	b.check(filepath.WalkDir(b.home, func(p string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(p, uid, gid))
	}))
}

// sandboxParent returns a directory in memory, or "" when there is none.
func sandboxParent() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

func (b *sandbox) close() {
	for _, f := range b.locks {
		f.Close()
	}
	b.stopListening()
	b.removeAll(b.top)
}

func (b *sandbox) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// removeAll removes a path, even with directories that the case has made unreadable.
func (b *sandbox) removeAll(p string) {
	if os.RemoveAll(p) == nil {
		return
	}
	_ = filepath.WalkDir(p, func(p string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	b.check(os.RemoveAll(p))
}

// mkdir makes a directory and its parents.
func (b *sandbox) mkdir(p string, mode os.FileMode) {
	b.check(os.MkdirAll(filepath.Dir(p), 0o755))
	if err := os.Mkdir(p, mode); !errors.Is(err, os.ErrExist) {
		b.check(err)
	}
	b.check(os.Chmod(p, mode))
}

// write makes a file and its parent directories.
func (b *sandbox) write(p, text string) {
	b.check(os.MkdirAll(filepath.Dir(p), 0o755))
	b.check(os.WriteFile(p, []byte(text), 0o644))
}

// lock holds the lock of a service directory in the scandir, as s6-supervise does.
func (b *sandbox) lock(dir string) {
	top := filepath.Join(b.scandir, dir)
	if _, err := os.Lstat(top + "/supervise"); err != nil {
		b.mkdir(top+"/supervise", 0o700) // as s6-supervise makes both
		b.mkdir(top+"/event", 0o730|os.ModeSetgid|os.ModeSticky)
	}
	f, err := os.OpenFile(top+"/supervise/lock", os.O_CREATE|os.O_RDWR, 0o600)
	b.check(err)
	b.check(unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	b.locks[dir] = f
}

func (b *sandbox) unlock(dir string) {
	b.locks[dir].Close()
	delete(b.locks, dir)
}

// listen opens the control pipe of an s6-svscan.
func (b *sandbox) listen() {
	control := b.scandir + "/.s6-svscan/control"
	b.mkdir(filepath.Dir(control), 0o700)
	if err := unix.Mkfifo(control, 0o600); !errors.Is(err, os.ErrExist) {
		b.check(err)
	}
	var err error
	b.scanner, err = unix.Open(control, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	b.check(err)
}

// stopListening closes the control pipe.
func (b *sandbox) stopListening() {
	if b.scanner != 0 {
		_ = unix.Close(b.scanner)
	}
	b.scanner = 0
}

// commands returns the text that was written to the control pipe.
func (b *sandbox) commands() string {
	if b.scanner == 0 {
		return ""
	}
	text := make([]byte, 4096)
	n, err := unix.Read(b.scanner, text)
	if errors.Is(err, unix.EAGAIN) {
		return ""
	}
	b.check(err)
	return string(text[:n])
}

// result is the result of a run.
type result struct {
	args           []string
	stdout, stderr string
	code           int
}

// run runs slotgen to its end.
func (b *sandbox) run(s settings, args ...string) result {
	b.Helper()
	r, inTime := b.runFor(testenv.HangLimit, s, append([]string{binary.path}, args...))
	if !inTime {
		b.Fatalf("%q hangs", args)
	}
	return r
}

// runFor runs a command and kills it after a time.
func (b *sandbox) runFor(limit time.Duration, s settings, args []string) (r result, inTime bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = s.environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		b.Fatal(err)
	}
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return result{args: args, stdout: stdout.String(), stderr: stderr.String(), code: code}, ctx.Err() == nil
}

func (r result) String() string {
	return strings.Join(r.args, " ") + "\nstdout:\n" + r.stdout + "stderr:\n" + r.stderr
}

// trees reads the volume and the scandir.
func (b *sandbox) trees() (home, scandir tree) {
	home, err := readTree(b.home)
	b.check(err)
	scandir, err = readTree(b.scandir)
	b.check(err)
	return home, scandir
}
