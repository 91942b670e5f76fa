// Package s6 asks the programs of s6 about services, and changes nothing.
package s6

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnsupervised is the error of a service without a supervisor.
var ErrUnsupervised = errors.New("no s6-supervise runs for it")

// Programs are the paths of the programs that answer.
type Programs struct{ svstat, svdt string }

// Find looks for the programs in the directories, one after the other. It never uses PATH,
// which may hold directories of other users.
func Find(dirs ...string) (Programs, error) {
	svstat, err := find("s6-svstat", dirs)
	if err != nil {
		return Programs{}, err
	}
	svdt, err := find("s6-svdt", dirs)
	return Programs{svstat, svdt}, err
}

func find(name string, dirs []string) (string, error) {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", name, strings.Join(dirs, ", "))
}

// Service is the state of a supervised service.
type Service struct {
	// Up reports whether a process of the service runs. WantedUp reports whether s6-supervise
	// starts one when none runs.
	Up, WantedUp bool
	// PID is the number of the process of a service that is up.
	PID int
	// Exit says how the last process of a service that is down ended: "exit 3", "SIGKILL".
	// It is empty when none has run.
	Exit string
	// For is the time since the service went up or down.
	For time.Duration
	// Deaths is how often the service died in the last minute.
	Deaths int
}

// deathSpan is the time for which Ask counts deaths.
const deathSpan = time.Minute

// Ask returns the state of the service in a service directory. The error is ErrUnsupervised
// when it has no supervisor, and fs.ErrPermission when only others may ask.
func (p Programs) Ask(ctx context.Context, dir string) (Service, error) {
	text, err := run(ctx, p.svstat, "-o", svstatFields, dir)
	if err != nil {
		return Service{}, err
	}
	s, since, err := parseService(text)
	if err != nil || s.Up && s.For >= deathSpan {
		return s, err
	}
	tally, err := run(ctx, p.svdt, dir)
	if err != nil {
		return s, err
	}
	if tally == "" {
		s.Exit = "" // s6-svstat has "exit 0" also for a service that never ran
	}
	s.Deaths = countDeaths(tally, since.Add(s.For-deathSpan))
	return s, nil
}

// unsupervisedCode is the exit code of s6-svstat when the service has no supervisor.
const unsupervisedCode = 1

// run returns the output of a program.
func run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // Find has found it where only root writes
	cmd.Env = []string{}                              // nothing there concerns the program
	out, err := cmd.Output()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case !ended:
		return string(out), err
	case exit.ExitCode() == unsupervisedCode:
		return "", ErrUnsupervised
	}
	text := strings.TrimSpace(string(exit.Stderr))
	if strings.HasSuffix(text, unix.EACCES.Error()) || strings.HasSuffix(text, "Permission denied") {
		return "", fmt.Errorf("%s: %w", filepath.Base(program), unix.EACCES)
	}
	return "", fmt.Errorf("%s: %w: %s", filepath.Base(program), err, text)
}

// ControlCommand returns the command line of s6-svc for a service directory.
func ControlCommand(commandDir, options, dir string) string {
	return fmt.Sprintf("%s/s6-svc %s %s", commandDir, options, dir)
}
