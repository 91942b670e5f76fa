package render

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// finding is a problem that a check found in a rendered file.
type finding struct {
	// path is the file in the slot. The text begins with the place in it: "PATH:LINE:COLUMN: …", or
	// "PATH: …" for the whole file.
	path, text string
	// doubtful is true for a finding that does not keep the slot from being published.
	doubtful bool
}

// about returns a finding about a whole file.
func about(path, text string) finding { return finding{path: path, text: path + ": " + text} }

// at returns a finding about the byte at offset i.
func at(f File, i int, text string) finding {
	before := f.Data[:i]
	line, column := bytes.Count(before, []byte("\n"))+1, i-bytes.LastIndexByte(before, '\n')
	return finding{path: f.Path, text: fmt.Sprintf("%s:%d:%d: %s", f.Path, line, column, text)}
}

// check returns the problems that s6 or the kernel would have with a slot.
func check(slot Slot) []finding {
	var findings []finding
	_, logged := slot.File("log/run")
	for _, f := range slot.Files {
		findings = append(findings, checkFile(f)...)
		if strings.HasPrefix(f.Path, "log/") && !logged {
			findings = append(findings, about(f.Path, "there is no log/run beside it"))
		}
	}
	for _, prefix := range []string{"", "log/"} {
		notify, lock := slot.setting(prefix+"notification-fd"), slot.setting(prefix+"lock-fd")
		if notify != "" && notify == lock {
			findings = append(findings, about(prefix+"lock-fd", "is the same descriptor as notification-fd"))
		}
	}
	return findings
}

// setting returns the value in the slot's file at path, or "" if there is no such file.
func (s Slot) setting(path string) string {
	f, _ := s.File(path)
	return strings.TrimSuffix(string(f.Data), "\n")
}

// checkFile returns the problems that s6 or the kernel would have with a rendered file.
func checkFile(f File) []finding {
	findings := checkBytes(f)
	if f.Mode == ScriptMode {
		findings = append(findings, checkScript(f)...)
	}
	name, value := strings.TrimPrefix(f.Path, "log/"), strings.TrimSuffix(string(f.Data), "\n")
	if text := checkValue(name, value); text != "" {
		findings = append(findings, about(f.Path, text))
	}
	return findings
}

// checkBytes finds bytes that no file of a slot should hold. It reports the first place of each.
func checkBytes(f File) []finding {
	var findings []finding
	for _, bad := range []struct{ bytes, text string }{
		{"<no value>", "a value is missing: the template prints <no value>"},
		{"\x00", "a NUL byte"},
		{"\r", "a carriage return: the template has the line ends of Windows, but needs those of Unix"},
		{"\ufeff", "a byte order mark"},
	} {
		if i := bytes.Index(f.Data, []byte(bad.bytes)); i >= 0 {
			findings = append(findings, at(f, i, bad.text))
		}
	}
	return findings
}

// checkScript requires the absolute path of an interpreter. It also parses a shell script. A
// script for sh that only bash can parse is doubtful.
func checkScript(f File) []finding {
	program := interpreter(f)
	if program == "" {
		return []finding{at(f, 0, "a script begins with #! and the absolute path of its interpreter")}
	}
	var errs []error
	for _, lang := range shellLanguages(program) {
		_, err := parseAs(lang, f)
		if err == nil && len(errs) == 0 {
			return nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil
	}
	return []finding{{path: f.Path, text: errs[0].Error(), doubtful: slices.Contains(errs, nil)}}
}

// interpreter returns the base name of the program that reads the script, or "" where the script
// does not begin with an absolute path. It skips with-contenv and env.
func interpreter(f File) string {
	first, _, _ := strings.Cut(string(f.Data), "\n")
	first, found := strings.CutPrefix(first, "#!")
	words := strings.Fields(first)
	if !found || len(words) == 0 || !path.IsAbs(words[0]) {
		return ""
	}
	for len(words) > 1 && (path.Base(words[0]) == "with-contenv" || path.Base(words[0]) == "env") {
		words = words[1:]
	}
	return path.Base(words[0])
}

// shellLanguages returns the languages that a program may read a script in. The program sh may be
// bash.
func shellLanguages(program string) []syntax.LangVariant {
	switch program {
	case "bash":
		return []syntax.LangVariant{syntax.LangBash}
	case "sh", "dash", "ash":
		return []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash}
	}
	return nil
}

// parseAs parses the script in a language. Its error begins with the place in the file.
func parseAs(lang syntax.LangVariant, f File) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(lang)).Parse(bytes.NewReader(f.Data), f.Path)
}

// maxDeathTally is the bound of s6 for max-death-tally (s6, "servicedir").
const maxDeathTally = 4096

// checkValue describes the problem with the value in a file that s6-supervise reads, or
// returns "".
func checkValue(name, value string) string {
	switch name {
	case "notification-fd", "lock-fd":
		if n, err := strconv.ParseUint(value, 10, 31); err != nil || n == 0 {
			return fmt.Sprintf("%q is not the number of a descriptor, 1 or more", value)
		}
	case "timeout-kill", "timeout-finish":
		if _, err := strconv.ParseUint(value, 10, 32); err != nil {
			return fmt.Sprintf("%q is not a number of milliseconds", value)
		}
	case "max-death-tally":
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n > maxDeathTally {
			return fmt.Sprintf("%q is not a number from 0 to %d", value, maxDeathTally)
		}
	case "down-signal", "reload-signal":
		if !isSignal(value) {
			return fmt.Sprintf("%q is not the name or number of a signal", value)
		}
	}
	return ""
}

func isSignal(value string) bool {
	if n, err := strconv.ParseUint(value, 10, 8); err == nil {
		return n >= 1 && n <= 64
	}
	return unix.SignalNum("SIG"+strings.TrimPrefix(strings.ToUpper(value), "SIG")) != 0
}
