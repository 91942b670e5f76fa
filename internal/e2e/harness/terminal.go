package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"slotgen/internal/testenv"
)

// Terminal is a program that runs on a terminal of its own.
type Terminal struct {
	t      *testing.T
	master *os.File

	mu   sync.Mutex
	seen strings.Builder
}

// OpenTerminal opens a new pseudoterminal and returns both of its ends.
func OpenTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	var err error
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// NewTerminal starts a program on a new terminal. The end of the test kills it.
func NewTerminal(t *testing.T, cmd *exec.Cmd) *Terminal {
	t.Helper()
	master, slave := OpenTerminal(t)
	defer slave.Close()
	size := unix.Winsize{Row: 50, Col: 250}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, master: master}
	go term.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		master.Close()
	})
	return term
}

func (term *Terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := term.master.Read(buf)
		if err != nil {
			return
		}
		term.mu.Lock()
		term.seen.Write(buf[:n])
		term.mu.Unlock()
	}
}

// TypeKeys forgets the text on the screen and types keys.
func (term *Terminal) TypeKeys(keys string) {
	term.t.Helper()
	term.mu.Lock()
	term.seen.Reset()
	term.mu.Unlock()
	if _, err := term.master.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// Wait waits until the text is on the screen. It fails the test when the text does not appear.
func (term *Terminal) Wait(text string) {
	term.t.Helper()
	var seen string
	if !testenv.Holds(func() bool {
		term.mu.Lock()
		defer term.mu.Unlock()
		seen = term.seen.String()
		return strings.Contains(seen, text)
	}) {
		term.t.Fatalf("%q does not appear; there is:\n%q", text, seen)
	}
}
