package render

import (
	"strings"
	"testing"
)

func TestRenderedFilesAreCheckedForS6(t *testing.T) {
	const posix = "#!/bin/sh\n"
	tests := []struct {
		path, text string
		want       string // a part of the only finding, or "" for no finding
	}{
		{"run", posix + "exec hermes\n", ""},
		{"run", "#!/command/with-contenv sh\nexec hermes\n", ""},
		{"run", "#!/command/execlineb -P\nforeground { if } then\n", ""},
		{"run", "#! /bin/sh\n", ""},
		{"run", "#!/bin/sh", ""},
		{"run", "exec hermes\n", "rendered run:1:1: a script begins with #!"},
		{"run", "#!sh\n", "rendered run:1:1: a script begins with #!"},
		{"run", "#!\n", "rendered run:1:1: a script begins with #!"},
		{"run", "\n#!/bin/sh\n", "rendered run:1:1: a script begins with #!"},
		{"run", posix + "a <no value>\n", "rendered run:2:3: a value is missing"},
		{"run", posix + "a\x00b\n", "rendered run:2:2: a NUL byte"},
		{"run", "#!/bin/sh\r\n", "rendered run:1:10: a carriage return: the template has the line ends of Windows"},
		{"finish", posix + "# \ufeff\n", "rendered finish:2:3: a byte order mark"},
		{"run", posix + "if true; then\n", "rendered run:2:10: "},
		{"run", posix + "echo 'open\n", "rendered run:2:6: "},
		{"log/run", "#!/command/with-contenv sh\n(\n", "rendered log/run:2:1: "},
		{"run", "#!/usr/bin/env sh\n)\n", "rendered run:2:1: "},
		{"run", posix + "a=(1 2)\n", "tried parsing as posix"},
		{"run", posix + "cat <<< x\n", "tried parsing as posix"},
		{"run", "#!/command/with-contenv bash\na=(1 2)\n", ""},
		{"run", "#!/bin/bash\nif\n", "rendered run:2:1: "},
		{"run", "#!/bin/dash\nif\n", "rendered run:2:1: "},
		{"run", "#!/bin/busybox ash\nif\n", ""},
		{"run", "#!/bin/ash\nif\n", "rendered run:2:1: "},
		{"data/check", posix + "if\n", "rendered data/check:2:1: "},
		{"notification-fd", "3\n", ""},
		{"notification-fd", "3", ""},
		{"notification-fd", "0\n", `"0" is not the number of a descriptor`},
		{"notification-fd", "three\n", "is not the number of a descriptor"},
		{"notification-fd", "-1\n", "is not the number of a descriptor"},
		{"notification-fd", " 3\n", "is not the number of a descriptor"},
		{"lock-fd", "0", "is not the number of a descriptor"},
		{"lock-fd", "99999999999", "is not the number of a descriptor"},
		{"log/notification-fd", "x", "rendered log/notification-fd: "},
		{"data/notification-fd", "x", ""},
		{"timeout-kill", "0\n", ""},
		{"timeout-kill", "5s", "is not a number of milliseconds"},
		{"timeout-finish", "4294967296", "is not a number of milliseconds"},
		{"max-death-tally", "4096", ""},
		{"max-death-tally", "4097", "is not a number from 0 to 4096"},
		{"down-signal", "SIGINT\n", ""},
		{"down-signal", "int", ""},
		{"down-signal", "15", ""},
		{"down-signal", "64", ""},
		{"down-signal", "65", "is not the name or number of a signal"},
		{"down-signal", "0", "is not the name or number of a signal"},
		{"down-signal", "SIGNOPE", "is not the name or number of a signal"},
		{"reload-signal", "HUP INT", "is not the name or number of a signal"},
		{"flag-newpidns", "yes", ""},
	}
	for _, tt := range tests {
		data := []byte(tt.text)
		findings := checkFile(File{Path: tt.path, Mode: fileMode(tt.path, data), Data: data})
		var texts []string
		for _, f := range findings {
			texts = append(texts, "rendered "+f.text)
		}
		got := strings.Join(texts, "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s %q: findings %q, want %q", tt.path, tt.text, got, tt.want)
		}
	}
}

func TestScriptThatOnlyBashCanParseIsDoubtful(t *testing.T) {
	slot, findings, err := renderWith(t, overrides(t, map[string]string{"run.tmpl": "#!/bin/sh\na=(1 2)\n"}))
	if err != nil || len(findings) != 1 || len(slot.Files) == 0 {
		t.Errorf("findings %v, error %v; want one doubtful finding and the slot", findings, err)
	}
}

func TestEveryFindingIsReported(t *testing.T) {
	_, _, err := renderWith(t, overrides(t, map[string]string{
		"run.tmpl": "exec x\n", "timeout-kill.tmpl": "x", "finish.tmpl": "{{ .Nope }}", "rnu.tmpl": "x",
		"notification-fd.tmpl": "3", "lock-fd.tmpl": "3\n",
	}))
	for _, want := range []string{
		"rendered run:1:1: a script begins with #! and the absolute path of its interpreter (template ", "/run.tmpl)\n",
		"rendered timeout-kill: ", "/timeout-kill.tmpl)\n", "finish.tmpl:1:3", "rnu.tmpl",
		"rendered lock-fd: is the same descriptor as notification-fd (template ", "/lock-fd.tmpl)",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	_, _, err = renderWith(t, overrides(t, map[string]string{"log/run.tmpl": "", "log/timeout-kill.tmpl": "7"}))
	if err == nil || !strings.Contains(err.Error(), "rendered log/timeout-kill: there is no log/run beside it") {
		t.Errorf("error %v", err)
	}
}
