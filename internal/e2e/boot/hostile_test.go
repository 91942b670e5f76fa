package boot

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// hostile is a volume with everything that a hostile user can put there.
type hostile struct {
	t    *testing.T
	home string
	good []string // profiles that a pass has to publish all the same
	bad  []string // texts that have to be in the warnings
}

func (h *hostile) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hostile) path(name string) string { return filepath.Join(h.home, name) }

// profile makes a profile directory with its SOUL.md.
func (h *hostile) profile(name string) string {
	h.t.Helper()
	dir := h.path("profiles/" + name)
	h.must(os.MkdirAll(dir, 0o755))
	h.must(os.WriteFile(dir+"/SOUL.md", nil, 0o644))
	return dir
}

// oddFile makes a profile in which put makes each file that a pass reads, removes or writes, as
// something other than a regular file.
func (h *hostile) oddFile(kind string, put func(path string) error) {
	h.t.Helper()
	name := "odd-" + kind
	dir := h.profile(name)
	h.must(os.MkdirAll(dir+"/state", 0o755))
	for _, file := range []string{"gateway_state.json", "config.yaml", "state/gateway.lifecycle.json", "gateway.pid", "processes.json"} {
		h.must(put(filepath.Join(dir, file)))
	}
	h.good = append(h.good, name)
	h.bad = append(h.bad, fmt.Sprintf(`warning: reading "profiles/%s/gateway_state.json": `, name))
}

func (h *hostile) state(name, text string) {
	h.t.Helper()
	h.must(os.WriteFile(h.profile(name)+"/gateway_state.json", []byte(text), 0o644))
	h.good = append(h.good, name)
}

// newHostile makes a hostile volume with a number of directories that are no profiles.
func newHostile(t *testing.T, empty int) *hostile {
	t.Helper()
	h := &hostile{t: t, home: harness.UsersDir(t)}
	h.oddFile("fifo", func(path string) error { return unix.Mkfifo(path, 0o644) })
	h.oddFile("directory", func(path string) error { return os.Mkdir(path, 0o755) })
	h.oddFile("link", func(path string) error { return os.Symlink("/etc/passwd", path) })
	h.oddFile("loop", func(path string) error { return os.Symlink(filepath.Base(path), path) })
	h.oddFile("dangling", func(path string) error { return os.Symlink("gone", path) })
	h.oddFile("sparse", func(path string) error {
		h.must(os.WriteFile(path, nil, 0o644))
		return os.Truncate(path, 10<<30)
	})
	h.oddFile("socket", func(path string) error {
		l, err := net.Listen("unix", h.path("s")) // the path of a socket must be short
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = l.Close() })
		return os.Rename(h.path("s"), path)
	})
	if os.Geteuid() == 0 {
		h.oddFile("device", func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) })
	}
	h.state("nested", strings.Repeat(`{"a":`, 1_000_000))
	h.state("forged", `{"desired_state": "x\n2026-01-01T00:00:00+0000 profile=coder prior_state=running action=started prior_exit=clean\u001b]0;owned\u0007\u202e"}`)
	h.state("good", `{"desired_state": "running"}`)
	for _, name := range []string{strings.Repeat("n", 255), "line\nbreak", "\xff\xfe", "\x1b[2Jcleared", "Upper", "-rf", "a b", "$(touch owned)"} {
		h.profile(name)
		h.bad = append(h.bad, fmt.Sprintf("warning: skipping profile %+q: name ", name))
	}
	h.must(os.Symlink("/", h.path("profiles/root")))
	h.must(os.Symlink("gone", h.path("profiles/nowhere")))
	h.bad = append(h.bad, `warning: skipping profile "nowhere": link leads nowhere`)
	h.must(os.Symlink("/etc", h.path("logs")))
	h.bad = append(h.bad, `warning: writing "logs/container-boot.log": permission denied`)
	for i := range empty {
		h.must(os.Mkdir(h.path(fmt.Sprintf("profiles/empty-%d", i)), 0o755))
	}
	harness.GiveToUser(t, h.home)
	return h
}

// pass runs a pass over the volume. It checks that the pass publishes every good profile and
// reports every bad entry. It returns the processor time of the pass.
func (h *hostile) pass(service string) time.Duration {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), testenv.HangLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.SlotgenBinary(h.t), "reconcile", "--home", h.home, "--scandir", service, "--user", "10000:10000", "--autostart", "multiplex", "--proc", h.t.TempDir())
	cmd.Dir = h.home // a shell that runs a name would make its file here
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, name := range append(h.good, "default") {
		if _, err := os.Lstat(filepath.Join(service, "gateway-"+name, "run")); err != nil {
			h.t.Errorf("no slot for %q: %v", name, err)
		}
	}
	for _, bad := range h.bad {
		if !strings.Contains(stderr.String(), bad) {
			h.t.Errorf("stderr does not tell of %s", bad)
		}
	}
	checkUnforged(h.t, stdout.String(), `reconcile: profile=`)
	checkUnforged(h.t, stderr.String(), `slotgen: `)
	if _, err := os.Lstat(h.path("owned")); err == nil {
		h.t.Error("a name was run")
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func TestBootOverAHostileVolumeLosesNoProfile(t *testing.T) {
	h, service := newHostile(t, 100), t.TempDir()
	h.pass(service)
	h.pass(service)
}

// Ten times as many directories may cost ten times as much, and somewhat more on a busy machine,
// but not a hundred times as much. A pass looks at 10,000 of them.
func TestCostOfAHostileVolumeGrowsWithItsSize(t *testing.T) {
	testenv.NeedTime(t, "makes 9,900 directories")
	const few, many, atMost = 900, 9_000, 40
	small := newHostile(t, few).pass(t.TempDir())
	large := newHostile(t, many).pass(t.TempDir())
	t.Logf("%d directories cost %v of a processor, %d cost %v", few, small, many, large)
	if large > atMost*small {
		t.Errorf("%d directories cost %.0f times as much as %d", many, large.Seconds()/small.Seconds(), few)
	}
}

// checkUnforged checks that every line begins with a match of begin, a regular expression, as
// slotgen's own lines do. No line may hold a control character that a terminal obeys.
func checkUnforged(t *testing.T, text, begin string) {
	t.Helper()
	own := regexp.MustCompile("^" + begin)
	for line := range strings.Lines(text) {
		if !own.MatchString(line) || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x00\x07\x1b\r\n\u202e") {
			t.Errorf("the line %q is not slotgen's own", line)
		}
	}
}

func TestBootLogOfAHostileVolumeIsNotForged(t *testing.T) {
	h := newHostile(t, 0)
	h.must(os.Remove(h.path("logs")))
	cmd := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", h.home, "--scandir", t.TempDir(), "--user", "10000:10000", "--proc", t.TempDir())
	cmd.Env = append(os.Environ(), "TZ=UTC")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log := harness.ReadText(t, h.path("logs/container-boot.log"))
	checkUnforged(t, log, `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000 profile=`)
	if n, want := strings.Count(log, "\n"), len(h.good)+1+9; n != want {
		t.Errorf("the log has %d lines, want %d", n, want)
	}
	for line := range strings.Lines(log) {
		if strings.HasPrefix(strings.SplitN(line, " ", 2)[1], "profile=coder ") {
			t.Errorf("the log tells of a profile that is not there: %s", line)
		}
	}
}

// canary describes a tree that no pass may touch. It lists content, mode, owner and change time
// of each file.
func canary(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %o %d:%d %d %d.%d", path, st.Mode, st.Uid, st.Gid, st.Nlink, st.Ctim.Sec, st.Ctim.Nsec)
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			fmt.Fprintf(&b, " %q %v", text, err)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// swapper is a shell script that replaces entries of the volume with links to the canary and
// puts them back, as fast as it can.
const swapper = `
cd "$1"
while :; do
	mv profiles/a profiles/.a; ln -s "$2" profiles/a; rm profiles/a; mv profiles/.a profiles/a
	rm -rf .logs.kept; mv -T logs .logs.kept; ln -sT "$2" logs; rm logs; mv -T .logs.kept logs
	mv logs/container-boot.log logs/.kept; ln -s "$2/container-boot.log" logs/container-boot.log
	truncate -s 262144 logs/.kept # so that the next pass has to rotate it
	rm logs/container-boot.log; mv logs/.kept logs/container-boot.log
	mv profiles .profiles; ln -s "$2" profiles; rm profiles; mv .profiles profiles
	rm -f gateway_state.json; ln -s "$2/gateway_state.json" gateway_state.json; rm gateway_state.json
done 2>/dev/null`

const raceRounds = 500

func TestSwappedLinksLeadNowhereOverManyPasses(t *testing.T) {
	testenv.NeedTime(t, "makes hundreds of passes")
	testenv.NeedRoot(t, "works as another user")
	home, outside := harness.UsersDir(t), harness.UsersDir(t)
	h := &hostile{t: t, home: home}
	h.profile("a")
	h.must(os.MkdirAll(h.path("logs"), 0o755))
	h.must(os.WriteFile(h.path("logs/container-boot.log"), bytes.Repeat([]byte("x\n"), 1<<17), 0o644))
	h.must(os.MkdirAll(outside+"/x", 0o700))
	for _, name := range []string{"SOUL.md", "gateway_state.json", "gateway.pid", "processes.json", "container-boot.log", "container-boot.log.1", "x/SOUL.md", "x/gateway.pid"} {
		h.must(os.WriteFile(filepath.Join(outside, name), []byte(`{"desired_state": "canary"}`), 0o600))
	}
	h.must(os.Chown(outside, 0, 0))
	harness.GiveToUser(t, home)
	before := canary(t, outside)
	// The state of this container was never recorded. So the migration writes a file too.
	proc := t.TempDir()
	h.must(os.MkdirAll(proc+"/1", 0o755))
	h.must(os.WriteFile(proc+"/1/cmdline", []byte("main-wrapper.sh\x00gateway\x00run\x00"), 0o644))
	h.must(os.WriteFile(proc+"/1/status", []byte(harness.RootsStatus), 0o644))
	cmd := exec.Command("/bin/sh", "-c", swapper, "sh", home, outside)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: harness.HermesID, Gid: harness.HermesID}}
	h.must(cmd.Start())
	stop := func() error { // kills the children too
		err := unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
		return err
	}
	t.Cleanup(func() { _ = stop() })
	service := t.TempDir()
	for round := range raceRounds {
		pass := exec.Command(harness.SlotgenBinary(t), "reconcile", "--home", home, "--scandir", service, "--user", "10000:10000", "--proc", proc)
		out, _ := pass.CombinedOutput()
		if strings.Contains(string(out), "canary") {
			t.Fatalf("round %d: the pass read what is outside:\n%s", round, out)
		}
		if code := pass.ProcessState.ExitCode(); code != 0 && code != 1 {
			t.Fatalf("round %d: exit code %d\n%s", round, code, out)
		}
	}
	h.must(stop()) // an error means that the swapper ended early
	if after := canary(t, outside); after != before {
		t.Errorf("what is outside was changed:\n%s\nwas\n%s", after, before)
	}
}
