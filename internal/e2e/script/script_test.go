package script

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("SLOTGEN_TEMPLATES", "")
			// The directory itself stays slotgen's: who may write there could replace a scandir in it.
			return errors.Join(giveToUser(env.WorkDir), os.Lchown(env.WorkDir, os.Geteuid(), os.Getegid()))
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":   exitcodeCommand,
			"modes":      modesCommand,
			"mkfifo":     mkfifoCommand,
			"seed":       seedCommand,
			"locked":     lockedCommand,
			"supervised": supervisedCommand,
		},
	})
}

// userID is the user of the volumes that scripts work on as root.
const userID = 10000

// giveToUser gives a script's files to the user, who can reach them: slotgen works on a
// volume as its user. Templates stay root's, since a user may not change them.
func giveToUser(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var templates []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tmpl") {
			templates = append(templates, path)
		}
		return errors.Join(err, os.Lchown(path, userID, userID))
	})
	for _, path := range templates {
		for ; path != dir; path = filepath.Dir(path) {
			err = errors.Join(err, os.Lchown(path, 0, 0))
		}
	}
	return errors.Join(err, os.Chmod(filepath.Dir(dir), 0o755))
}

// exitcodeCommand implements "exitcode N PROGRAM [ARG...]". It runs a program, which must exit
// with code N.
func exitcodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// modesCommand implements "modes DIR". It prints mode, owner, type and path of everything in DIR.
func modesCommand(ts *testscript.TestScript, _ bool, args []string) {
	lines, err := listTree(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, line := range lines {
		fmt.Fprintln(ts.Stdout(), line)
	}
}

// listTree lists mode, owner, type and path of everything below a directory.
func listTree(root string) ([]string, error) {
	var lines []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		kind := map[uint32]string{
			unix.S_IFDIR: "dir", unix.S_IFREG: "file", unix.S_IFIFO: "fifo", unix.S_IFLNK: "link",
		}[st.Mode&unix.S_IFMT]
		rel, err := filepath.Rel(root, path)
		lines = append(lines, fmt.Sprintf("%04o %d:%d %s %s", st.Mode&^unix.S_IFMT, st.Uid, st.Gid, kind, rel))
		return err
	})
	return lines, err
}

// mkfifoCommand implements "mkfifo PATH...".
func mkfifoCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, path := range args {
		ts.Check(unix.Mkfifo(ts.MkAbs(path), 0o644))
	}
}

// seedCommand implements "seed DIR". It copies the sample volume to DIR without the boot log, which
// an earlier pass may have written.
func seedCommand(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.CopyFS(dir, os.DirFS("testdata/home")))
	ts.Check(os.RemoveAll(filepath.Join(dir, "logs/container-boot.log")))
	ts.Check(giveToUser(dir))
}

// lockedCommand implements "locked FILE". It holds an flock on FILE until the end of the script.
func lockedCommand(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_RDWR, 0o600)
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	ts.Check(unix.Flock(int(f.Fd()), unix.LOCK_EX))
	_, err = f.WriteString("4242\n")
	ts.Check(err)
}

// supervisedCommand implements "supervised DIR". It holds the lock of a service directory until the
// end of the script, as s6-supervise would.
func supervisedCommand(ts *testscript.TestScript, _ bool, args []string) {
	dir := filepath.Join(ts.MkAbs(args[0]), "supervise")
	ts.Check(os.MkdirAll(dir, 0o755))
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	ts.Check(unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
}
