package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// In s6-overlay 2 the wrapper is in the command line of process 1, in s6-overlay 3 in that of a
// later process. The test starts real processes in their own PID namespace. A sleep stands for
// the container's program.
func TestRoleOfRealProcesses(t *testing.T) {
	testenv.NeedRoot(t, "makes a PID namespace")
	const (
		wrapper  = "/opt/hermes/docker/main-wrapper.sh"
		rcInit   = "/run/s6/basedir/scripts/rc.init"
		skipping = "reconcile: skipping ("
	)
	tests := []struct {
		name   string
		first  []string // arguments of process 1
		later  []string // arguments of another process, if any
		stdout string
		writes bool // the pass writes gateway_state.json
	}{
		{"dashboard, s6-overlay 2", []string{"/init", wrapper, "dashboard"}, nil, skipping + "dashboard container", false},
		{"hermes dashboard, s6-overlay 2", []string{"/init", wrapper, "/opt/hermes/.venv/bin/hermes", "dashboard"}, nil, skipping + "dashboard container", false},
		{"dashboard, s6-overlay 3", []string{"s6-svscan"}, []string{"-e", rcInit, "top", wrapper, "dashboard", "--host", "0.0.0.0"}, skipping + "dashboard container", false},
		{"hermes serve, s6-overlay 3", []string{"s6-svscan"}, []string{"-e", rcInit, "top", wrapper, "hermes", "serve"}, skipping + "serve container", false},
		{"dispatched gui", []string{"s6-svscan"}, []string{"-e", rcInit, "top", wrapper, "/opt/hermes/docker/entrypoint-dispatch.sh", "hermes", "gui"}, skipping + "gui container", false},
		{"desktop", []string{"/init", wrapper, "desktop"}, nil, skipping + "desktop container", false},
		{"gateway of a profile called dashboard", []string{"/init", wrapper, "gateway", "run", "-p", "dashboard"}, nil, "profile=default prior_state=running action=started", true},
		{"gateway run, s6-overlay 3", []string{"s6-svscan"}, []string{"-e", rcInit, "top", wrapper, "hermes", "gateway", "run"}, "profile=default prior_state=running action=started", true},
		{"unsupervised gateway", []string{"/init", wrapper, "gateway", "run", "--no-supervise"}, nil, "profile=default prior_state=None action=registered", false},
		{"a shell", []string{"/init", wrapper, "bash"}, nil, "profile=default prior_state=None action=registered", false},
		{"no wrapper at all", []string{"dashboard"}, nil, "profile=default prior_state=None action=registered", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			home, service := harness.UsersDir(t), filepath.Join(t.TempDir(), "service")
			// sh -c SCRIPT NAME ARG...: the arguments are part of the process's command line.
			script := `if [ -n "$LATER" ]; then
	sh -c 'echo >"$STARTED"; sleep 100000; :' $LATER &
	until [ -s "$STARTED" ]; do sleep 0.01; done
fi
"$SLOTGEN" reconcile --home "$HOME_DIR" --scandir "$SERVICE" --user 10000:10000; exit $?`
			cmd := exec.Command("unshare", append([]string{
				"--pid", "--fork", "--kill-child", "--mount", "--propagation", "private", "--mount-proc",
				"/bin/sh", "-c", script,
			}, tt.first...)...)
			cmd.Env = append(os.Environ(), "SLOTGEN="+harness.SlotgenBinary(t), "HOME_DIR="+home, "SERVICE="+service,
				"LATER="+strings.Join(tt.later, " "), "STARTED="+filepath.Join(t.TempDir(), "started"))
			var stderr strings.Builder
			cmd.Stderr = &stderr
			stdout, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			if !strings.Contains(string(stdout), tt.stdout) {
				t.Errorf("stdout %q, want %q in it", stdout, tt.stdout)
			}
			_, serr := os.Lstat(service)
			if skips := strings.HasPrefix(tt.stdout, skipping); skips == (serr == nil) {
				t.Errorf("scandir: %v; a container without gateways has to leave it alone, another to make it", serr)
			}
			if _, err := os.Lstat(filepath.Join(home, "gateway_state.json")); (err == nil) != tt.writes {
				t.Errorf("gateway_state.json: %v, want it written: %v", err, tt.writes)
			}
		})
	}
}

// When a user starts a set-uid program, /proc shows root as the owner of the process.
func TestRoleIsNotAUsersToChoose(t *testing.T) {
	testenv.NeedRoot(t, "makes a PID namespace")
	home, dir := harness.UsersDir(t), t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	const script = `cp /bin/sh "$DIR/sh" && chmod 4755 "$DIR/sh"
setpriv --reuid 12345 --regid 12345 --clear-groups "$DIR/sh" -c 'echo >&3; sleep 100000; :' main-wrapper.sh dashboard 3>"$DIR/started" &
until [ -s "$DIR/started" ]; do sleep 0.01; done
stat -c %u "/proc/$!/cmdline"
"$SLOTGEN" reconcile --home "$HOME_DIR" --scandir "$DIR/service" --user 10000:10000`
	cmd := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation", "private",
		"--mount-proc", "/bin/sh", "-ec", script)
	cmd.Env = append(os.Environ(), "SLOTGEN="+harness.SlotgenBinary(t), "HOME_DIR="+home, "DIR="+dir)
	out, err := cmd.Output()
	if want := "0\nreconcile: profile=default "; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("stdout %q, error %v; want %q first", out, err, want)
	}
}
