package scan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"slotgen/internal/asuser"
	"slotgen/internal/testenv"
)

func TestLogLineIsAsDesigned(t *testing.T) {
	at := time.Date(2026, 5, 21, 6, 18, 5, 0, time.FixedZone("", 2*3600+1800))
	state := func(s string) Intent { return Intent{State: s, Known: true} }
	tests := []struct {
		outcome Outcome
		want    string
	}{
		{Outcome{"coder", state("running"), "started", "clean", "none", ""}, `profile=coder prior_state=running action=started prior_exit=clean change=none host=box`},
		{Outcome{"x", Intent{}, "registered", "unknown", "none", ""}, `profile=x prior_state=None action=registered prior_exit=unknown change=none host=box`},
		{Outcome{"x", state("None"), "registered", "unknown", "none", ""}, `profile=x prior_state="None" action=registered prior_exit=unknown change=none host=box`},
		{Outcome{"None", Intent{}, "skipped", "unknown", "none", ""}, `profile=None prior_state=None action=skipped prior_exit=unknown change=none host=box`},
		{Outcome{"x", state(""), "registered", "unknown", "none", ""}, `profile=x prior_state="" action=registered prior_exit=unknown change=none host=box`},
		{
			Outcome{"a\nb", state("x\n2026 profile=y \x1b[31mä"), "skipped", "unknown", "none", "name has \"a\"\n"},
			`profile="a\nb" prior_state="x\n2026 profile=y \x1b[31m\u00e4" action=skipped prior_exit=unknown change=none host=box reason="name has \"a\"\n"`,
		},
	}
	for _, tt := range tests {
		if got, want := string(tt.outcome.appendLine(nil, at, "box")), "2026-05-21T06:18:05+0230 "+tt.want+"\n"; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func appendLine(t *testing.T, home string) error {
	t.Helper()
	return appendLineAs(t, home, asuser.User{})
}

func appendLineAs(t *testing.T, home string, user asuser.User) error {
	t.Helper()
	v := openVolumeAs(t, home, user)
	return inTime(t, func() error {
		return v.AppendBootLog(epoch, "box", []Outcome{{Profile: "x", Action: "started", PriorExit: "clean", Change: "created"}})
	})
}

const oneLine = "2026-05-21T06:18:05+0000 profile=x prior_state=None action=started prior_exit=clean change=created host=box\n"

func TestLogIsTheUsers(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	home := newUsersHome(t)
	for range 2 {
		if err := appendLineAs(t, home, testUser); err != nil {
			t.Fatal(err)
		}
	}
	checkOwner(t, home, "logs", 0o755)
	checkOwner(t, home, "logs/container-boot.log", 0o644)
	if got := read(t, home, "logs/container-boot.log"); got != oneLine+oneLine {
		t.Errorf("the log holds %q", got)
	}
}

// The user may put there whatever it can, and make root no more than its tool.
func TestLogIsNeverWrittenWhereTheUserMayNotWrite(t *testing.T) {
	testenv.NeedRoot(t, "works as another user")
	const name = "logs/container-boot.log"
	for what, plant := range map[string]func(t *testing.T, home, dir string){
		"a directory of root": func(t *testing.T, home, dir string) { link(t, home, "logs", dir) },
		"a file of root": func(t *testing.T, home, dir string) {
			mkdir(t, home, "logs")
			if err := os.Link(filepath.Join(dir, "container-boot.log"), filepath.Join(home, name)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		home, dir := newUsersHome(t), newHome(t)
		put(t, dir, "container-boot.log", "precious")
		plant(t, home, dir)
		if err := appendLineAs(t, home, testUser); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: error %v", what, err)
		}
		if got := read(t, dir, "container-boot.log"); got != "precious" {
			t.Errorf("%s: it holds %q", what, got)
		}
	}
}

func TestLogIsRotatedAt262144Bytes(t *testing.T) {
	for size, rotated := range map[int]bool{262143: false, 262144: true} {
		home := newHome(t)
		old := strings.Repeat("x", size-1) + "\n"
		put(t, home, "logs/container-boot.log", old)
		put(t, home, "logs/container-boot.log.1", "older")
		if err := appendLine(t, home); err != nil {
			t.Fatal(err)
		}
		want, want1 := old+oneLine, "older"
		if rotated {
			want, want1 = oneLine, old
		}
		if read(t, home, "logs/container-boot.log") != want || read(t, home, "logs/container-boot.log.1") != want1 {
			t.Errorf("size %d: rotated is not %v", size, rotated)
		}
	}
}

func TestFullLogHasEveryLineOnce(t *testing.T) {
	home := newHome(t)
	old := strings.Repeat("x", 262144) + "\n"
	put(t, home, "logs/container-boot.log", old)
	if err := appendLine(t, home); err != nil {
		t.Fatal(err)
	}
	text := read(t, home, "logs/container-boot.log")
	if !missingIn(home, "logs/container-boot.log.1") {
		text = read(t, home, "logs/container-boot.log.1") + text
	}
	if text != old+oneLine {
		t.Errorf("the logs have %d bytes", len(text))
	}
}

// Its owner may move the log away in the very instant, too.
func TestLogThatGoesWhileItIsRotatedHasEveryLineOnce(t *testing.T) {
	out := underStrace(t, "TestFullLogHasEveryLineOnce", "-e", "trace=renameat", "-e", "inject=renameat:error=ENOENT:when=1")
	if !strings.Contains(out, "(INJECTED)") {
		t.Errorf("no rename failed:\n%s", out)
	}
}

func TestLogThatItsOwnerLocksIsAppendedTo(t *testing.T) {
	home := newHome(t)
	old := strings.Repeat("x", 262144)
	put(t, home, "logs/container-boot.log", old)
	log, err := os.Open(filepath.Join(home, "logs/container-boot.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := unix.Flock(int(log.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := appendLine(t, home); err != nil {
		t.Fatal(err)
	}
	if got := read(t, home, "logs/container-boot.log"); got != old+oneLine {
		t.Errorf("the log has %d bytes", len(got))
	}
}

func TestLogThatCannotBeRotatedIsAppendedTo(t *testing.T) {
	home := newHome(t)
	old := strings.Repeat("x", 262144)
	put(t, home, "logs/container-boot.log", old)
	mkdir(t, home, "logs/container-boot.log.1")
	if err := appendLine(t, home); err == nil || !strings.Contains(err.Error(), `renaming it to "container-boot.log.1"`) {
		t.Errorf("error %v", err)
	}
	if got := read(t, home, "logs/container-boot.log"); got != old+oneLine {
		t.Errorf("the log has %d bytes", len(got))
	}
}

func TestLineThatWasCutShortIsTakenBackUnlessOthersFollow(t *testing.T) {
	for others, want := range map[string]string{"": "whole\n", "another's\n": "whole\nhalfanother's\n"} {
		home := newHome(t)
		put(t, home, "log", "whole\n")
		fd, err := unix.Open(filepath.Join(home, "log"), unix.O_WRONLY|unix.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if n, err := unix.Write(fd, []byte("half")); n != 4 {
			t.Fatal(err)
		}
		appendTo(t, home, "log", others)
		if err := takeBack(fd, 4); err != nil {
			t.Error(err)
		}
		if got := read(t, home, "log"); got != want {
			t.Errorf("the log holds %q, want %q", got, want)
		}
	}
}

func appendTo(t *testing.T, home, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(home, name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestLogIsNeverWrittenThroughWhatIsNoPlainFile(t *testing.T) {
	const name = "logs/container-boot.log"
	tests := map[string]func(t *testing.T, home, victim string){
		"a link":                    func(t *testing.T, home, victim string) { link(t, home, name, victim) },
		"a link that stays inside":  func(t *testing.T, home, _ string) { put(t, home, "inside", ""); link(t, home, name, "../inside") },
		"a link that leads nowhere": func(t *testing.T, home, _ string) { link(t, home, name, "../made") },
		"a FIFO":                    func(t *testing.T, home, _ string) { fifo(t, home, name) },
		"a directory":               func(t *testing.T, home, _ string) { mkdir(t, home, name) },
		"a socket":                  func(t *testing.T, home, _ string) { socket(t, home, name) },
		"logs is a file":            func(t *testing.T, home, _ string) { put(t, home, "logs", "") },
		"logs leads nowhere":        func(t *testing.T, home, _ string) { link(t, home, "logs", "gone") },
		"logs is a FIFO":            func(t *testing.T, home, _ string) { fifo(t, home, "logs") },
		"a link that loops back":    func(t *testing.T, home, _ string) { link(t, home, name, "container-boot.log") },
	}
	for what, make := range tests {
		t.Run(what, func(t *testing.T) {
			home, elsewhere := newHome(t), newHome(t)
			put(t, elsewhere, "container-boot.log", "precious")
			make(t, home, filepath.Join(elsewhere, "container-boot.log"))
			if err := appendLine(t, home); err == nil {
				t.Error("no error")
			}
			if got := read(t, elsewhere, "container-boot.log"); got != "precious" {
				t.Errorf("the file outside now holds %q", got)
			}
			if !missingIn(home, "made") || !missingIn(home, "gone") {
				t.Error("a link's target was made")
			}
			if !missingIn(home, "inside") && read(t, home, "inside") != "" {
				t.Error("it was written through a link")
			}
		})
	}
}

// A FIFO that somebody reads can be opened for writing, as a file can.
func TestLogIsNeverWrittenIntoAPipeThatIsRead(t *testing.T) {
	home := newHome(t)
	fifo(t, home, "logs/container-boot.log")
	reader, err := unix.Open(filepath.Join(home, "logs/container-boot.log"), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(reader)
	if err := appendLine(t, home); !errors.Is(err, notRegular) {
		t.Errorf("error %v, want that it is no plain file", err)
	}
	if n, err := unix.Read(reader, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the reader got %d bytes, %v", n, err)
	}
}

func TestStaleFilesAreRemovedAndLinksNotFollowed(t *testing.T) {
	home := newHome(t)
	put(t, home, "profiles/a/gateway.pid", "1")
	put(t, home, "kept.json", "kept")
	link(t, home, "profiles/a/processes.json", "../../kept.json")
	fifo(t, home, "gateway.pid")
	mkdir(t, home, "processes.json")
	v := openVolume(t, home)
	if w := v.RemoveStale(Profile{Name: "a"}); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	w := v.RemoveStale(Profile{Name: DefaultName, Default: true})
	if len(w) != 1 || w[0] != `removing "processes.json": is a directory, left alone` {
		t.Errorf("warnings %q", w)
	}
	if !missingIn(home, "profiles/a/gateway.pid") || !missingIn(home, "profiles/a/processes.json") || !missingIn(home, "gateway.pid") {
		t.Error("a stale file is still there")
	}
	if read(t, home, "kept.json") != "kept" || missingIn(home, "processes.json") {
		t.Error("something else is gone")
	}
}
