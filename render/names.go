package render

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"slotgen/internal/hint"
	"slotgen/scan"
)

// serviceFiles are the files that a template may make in a service directory
// (s6, "service directory"). There is no down: the intent decides over it.
func serviceFiles() []string {
	return []string{
		"run", "finish", "type", "notification-fd", "lock-fd", "timeout-kill", "timeout-finish",
		"max-death-tally", "down-signal", "reload-signal", "flag-newpidns", "flag-timeout-killpg",
	}
}

// IsServiceFile tells whether slotPath is a file that s6 reads in a service
// directory or its logger's; what is below data/ or env/ is not.
func IsServiceFile(slotPath string) bool {
	name := strings.TrimPrefix(slotPath, "log/")
	return name == DownFile || slices.Contains(serviceFiles(), name)
}

// maxBase is the longest name of a file, in bytes: it is written under a dot, this name
// and a random number of up to 20 digits, of which Linux takes 255 bytes.
const maxBase = 234

// checkName returns an error when no file of a service directory is at a slot
// path, naming the one that was probably meant.
func checkName(slotPath string) error {
	name := strings.TrimPrefix(slotPath, "log/")
	if slices.Contains(serviceFiles(), name) {
		return nil
	}
	if fs.ValidPath(name) && (strings.HasPrefix(name, "data/") || strings.HasPrefix(name, "env/")) {
		if len(path.Base(name)) > maxBase {
			return fmt.Errorf("%q is longer than the %d bytes that can be written", path.Base(name), maxBase)
		}
		return nil
	}
	if path.Base(name) == DownFile {
		return fmt.Errorf("%q is not for a template: whether a gateway starts follows from its profile", slotPath)
	}
	err := fmt.Errorf("%q is no file of a service directory", slotPath)
	if near := cmp.Or(hint.Nearest(name, serviceFiles()), profilesOwn(slotPath)); near != "" {
		return hint.Add(err, "did you mean %q?", near+suffix)
	}
	return err
}

// profilesOwn returns where a file belongs that was meant for one profile, or "".
func profilesOwn(slotPath string) string {
	profile, file, _ := strings.Cut(slotPath, "/")
	switch {
	case profile == "log" || !slices.Contains(serviceFiles(), strings.TrimPrefix(file, "log/")):
		return ""
	case profile == "profiles":
		return "profiles/NAME/" + file
	}
	return "profiles/" + strings.TrimPrefix(profile, scan.ServicePrefix) + "/" + file
}
