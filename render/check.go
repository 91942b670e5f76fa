package render

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"slotgen/internal/hint"
)

// Finding is a problem that a check found in a rendered file.
type Finding struct {
	// Path is the file in the slot. Line and Column are the place in the rendered text.
	// They are 0 where the finding is about the whole file.
	Path         string
	Line, Column uint
	Text         string
	// Template names the template that made the file: "template DIR/run.tmpl", or
	// "embedded template run".
	Template string
	// hint says how to fix it, or is "".
	hint string
	// Doubtful is true for a finding that does not keep the slot from being published.
	Doubtful bool
}

// String returns the place, the text and the template in one line. The place includes the
// line and column where they are known.
func (f Finding) String() string {
	place := f.Path
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.Path, f.Line, f.Column)
	}
	return fmt.Sprintf("rendered %s: %s (%s)", place, f.Text, f.Template)
}

func (f Finding) asError() error {
	err := errors.New(f.String())
	if f.hint != "" {
		return hint.Add(err, "%s", f.hint)
	}
	return err
}

// splitFindings separates the findings that keep a slot from being published from the
// doubtful ones.
func splitFindings(findings []Finding) (wrong []error, doubtful []Finding) {
	for _, f := range findings {
		if f.Doubtful {
			doubtful = append(doubtful, f)
		} else {
			wrong = append(wrong, f.asError())
		}
	}
	return wrong, doubtful
}

// check returns the problems that s6 or the kernel would have with a slot.
func check(slot Slot) []Finding {
	var findings []Finding
	_, logged := slot.File("log/run")
	for _, f := range slot.Files {
		findings = append(findings, checkFile(f)...)
		if strings.HasPrefix(f.Path, "log/") && !logged {
			findings = append(findings, Finding{Path: f.Path, Text: "there is no log/run beside it"})
		}
	}
	for _, prefix := range []string{"", "log/"} {
		notify, lock := slot.setting(prefix+"notification-fd"), slot.setting(prefix+"lock-fd")
		if notify != "" && notify == lock {
			findings = append(findings, Finding{Path: prefix + "lock-fd", Text: "is the same descriptor as notification-fd"})
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
func checkFile(f File) []Finding {
	findings := checkBytes(f)
	if f.Mode == ScriptMode {
		findings = append(findings, checkScript(f)...)
	}
	if text := checkValue(path.Base(f.Path), strings.TrimSuffix(string(f.Data), "\n")); text != "" && isSetting(f.Path) {
		findings = append(findings, Finding{Path: f.Path, Text: text})
	}
	return findings
}

// isSetting reports whether s6 may read a value from the file at slotPath. It does not read
// files below data/ or env/ that have the same base name.
func isSetting(slotPath string) bool {
	return !strings.Contains(strings.TrimPrefix(slotPath, "log/"), "/")
}

// checkBytes finds bytes that no file of a slot should hold. It reports the first place of each.
func checkBytes(f File) []Finding {
	var findings []Finding
	for _, bad := range []struct{ text, what, hint string }{
		{"<no value>", "a value is missing: the template prints <no value>", ""},
		{"\x00", "a NUL byte", ""},
		{"\r", "a carriage return", "the template was saved with the line ends of Windows: they have to be those of Unix"},
		{"\ufeff", "a byte order mark", ""},
	} {
		if i := bytes.Index(f.Data, []byte(bad.text)); i >= 0 {
			before := f.Data[:i]
			findings = append(findings, Finding{
				Path: f.Path, Text: bad.what, hint: bad.hint,
				Line:   uint(bytes.Count(before, []byte("\n"))) + 1,
				Column: uint(i - bytes.LastIndexByte(before, '\n')),
			})
		}
	}
	return findings
}

// checkScript requires the absolute path of an interpreter. It also parses a shell script.
func checkScript(f File) []Finding {
	first, _, _ := strings.Cut(string(f.Data), "\n")
	words := strings.Fields(strings.TrimPrefix(first, "#!"))
	if !strings.HasPrefix(first, "#!") || len(words) == 0 || !path.IsAbs(words[0]) {
		return []Finding{{Path: f.Path, Line: 1, Column: 1, Text: "a script begins with #! and the absolute path of its interpreter"}}
	}
	switch shell := interpreter(words); {
	case !slices.Contains([]string{"sh", "dash", "ash", "bash"}, shell):
	case shell != "bash":
		return checkShell(f)
	default:
		if err := parseAs(syntax.LangBash, f); err != nil {
			return []Finding{*err}
		}
	}
	return nil
}

// interpreter returns the base name of the program that reads the script. It skips
// with-contenv and env.
func interpreter(words []string) string {
	for len(words) > 1 && (path.Base(words[0]) == "with-contenv" || path.Base(words[0]) == "env") {
		words = words[1:]
	}
	return path.Base(words[0])
}

// checkShell requires a script that a POSIX shell can parse. A script that only bash can
// parse is doubtful.
func checkShell(f File) []Finding {
	finding := parseAs(syntax.LangPOSIX, f)
	if finding == nil {
		return nil
	}
	finding.Doubtful = parseAs(syntax.LangBash, f) == nil
	return []Finding{*finding}
}

// parseAs returns the error of parsing the script in a language, or nil.
func parseAs(lang syntax.LangVariant, f File) *Finding {
	_, err := syntax.NewParser(syntax.Variant(lang)).Parse(bytes.NewReader(f.Data), "")
	if err == nil {
		return nil
	}
	var at syntax.Pos
	if e, ok := errors.AsType[syntax.ParseError](err); ok {
		at = e.Pos
	}
	if e, ok := errors.AsType[syntax.LangError](err); ok {
		at = e.Pos
	}
	text := strings.TrimPrefix(err.Error(), at.String()+": ")
	return &Finding{Path: f.Path, Line: at.Line(), Column: at.Col(), Text: text}
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
