package scan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoleIsWhatFollowsTheWrapper(t *testing.T) {
	const w = "/opt/hermes/docker/main-wrapper.sh"
	tests := []struct {
		processes map[string]string // number to command line, words divided by spaces
		want      []string
	}{
		{map[string]string{"1": "/init " + w + " dashboard"}, []string{"dashboard"}},
		{map[string]string{"1": "/init " + w + " hermes dashboard"}, []string{"dashboard"}},
		{map[string]string{"1": "/init " + w + " /x/entrypoint-dispatch.sh /x/hermes serve"}, []string{"serve"}},
		{map[string]string{"1": "/init " + w + " hermes bash hermes"}, []string{"bash", "hermes"}},
		{map[string]string{"1": "/init " + w + " x-hermes dashboard"}, []string{"x-hermes", "dashboard"}},
		{map[string]string{"1": "/init " + w}, nil},
		{map[string]string{"1": "s6-svscan", "9": "rc.init top " + w + " gui", "17": "rc.init top " + w + " serve"}, []string{"gui"}},
		{map[string]string{"1": "s6-svscan", "10": "x " + w + " gui", "9": "x " + w + " serve"}, []string{"serve"}},
		{map[string]string{"1": "/init dashboard"}, nil},
		{map[string]string{}, nil},
	}
	for _, tt := range tests {
		proc := newHome(t)
		for pid, line := range tt.processes {
			putProcess(t, proc, pid, line, "0")
		}
		put(t, proc, "self/cmdline", w+"\x00desktop\x00")
		fifo(t, proc, "3/cmdline")
		got := inTime(t, func() Role {
			role, err := ReadRole(proc)
			if err != nil {
				t.Error(err)
			}
			return role
		})
		if diff := cmp.Diff(tt.want, []string(got)); diff != "" && len(tt.want)+len(got) > 0 {
			t.Errorf("%v (-want +got):\n%s", tt.processes, diff)
		}
	}
}

// putProcess makes what is read of a process: its command line, with spaces between the
// words, and whose it is.
func putProcess(t *testing.T, proc, pid, line, realUID string) {
	t.Helper()
	put(t, proc, pid+"/cmdline", strings.ReplaceAll(line, " ", "\x00")+"\x00")
	put(t, proc, pid+"/status", "Name:\tx\nUid:\t"+realUID+"\t0\t0\t0\nGid:\t0\t0\t0\t0\n")
}

func TestRoleOfAProcessThatAUserStartedIsPassedOver(t *testing.T) {
	for _, status := range []string{"12345", "", "x", "-1", "99999999999999999999"} {
		proc := newHome(t)
		putProcess(t, proc, "7", "main-wrapper.sh dashboard", status)
		if got, err := ReadRole(proc); len(got) > 0 || err != nil {
			t.Errorf("role %q, chosen by user %q; error %v", got, status, err)
		}
	}
	proc := newHome(t)
	put(t, proc, "7/cmdline", "main-wrapper.sh\x00dashboard\x00")
	if got, err := ReadRole(proc); len(got) > 0 || err != nil {
		t.Errorf("role %q; error %v", got, err)
	}
}

func TestCommandLineIsReadUpToABound(t *testing.T) {
	proc := newHome(t)
	putProcess(t, proc, "7", strings.Repeat("x ", 256<<10)+"main-wrapper.sh dashboard", "0")
	if got, err := ReadRole(proc); len(got) > 0 || err != nil {
		t.Errorf("role %q from behind the bound; error %v", got, err)
	}
}

func TestLegacyCommandIsGatewayRunWithoutSupervision(t *testing.T) {
	tests := []struct {
		args, variable string
		want           bool
	}{
		{"gateway run", "", true},
		{"gateway run -p dashboard", "", true},
		{"gateway run", "0", true},
		{"gateway run", "1", false},
		{"gateway run", "TRUE", false},
		{"gateway run", "Yes", false},
		{"gateway run --no-supervise", "", false},
		{"gateway run -v --no-supervise", "", false},
		{"gateway", "", false},
		{"gateway status", "", false},
		{"chat", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got := Role(strings.Fields(tt.args)).Legacy(tt.variable); got != tt.want {
			t.Errorf("%q with %q: %v, want %v", tt.args, tt.variable, got, tt.want)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add([]byte("/init\x00main-wrapper.sh\x00hermes\x00dashboard\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		words := strings.Split(string(data), "\x00")
		role := behindWrapper(words)
		if hasWrapper := slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(w, wrapper) }); hasWrapper != (role != nil) {
			t.Errorf("role %q of %q", role, words)
		}
	})
}

func TestRoleThatCannotBeReadIsAnError(t *testing.T) {
	home := newHome(t)
	put(t, home, "file", "")
	for _, proc := range []string{home + "/missing", home + "/file"} {
		if role, err := ReadRole(proc); len(role) > 0 || err == nil {
			t.Errorf("%s: role %q, error %v", proc, role, err)
		}
	}
}
