package render

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"slotgen/internal/hint"
)

// serviceFiles returns the files that a template may make in a service directory
// (s6, "servicedir"). It does not return down, which depends on the profile.
func serviceFiles() []string {
	return []string{
		"run", "finish", "type", "notification-fd", "lock-fd", "timeout-kill", "timeout-finish",
		"max-death-tally", "down-signal", "reload-signal", "flag-newpidns", "flag-timeout-killpg",
	}
}

// IsServiceFile reports whether s6 reads the file at slotPath, in a service directory or its
// logger's. s6 does not read the files below data/ or env/.
func IsServiceFile(slotPath string) bool {
	name := strings.TrimPrefix(slotPath, "log/")
	return name == DownFile || slices.Contains(serviceFiles(), name)
}

// checkName returns an error when a service directory has no file at slotPath. The error has
// a hint that names the most similar file. Prefix begins the names of slots.
func checkName(slotPath, prefix string) error {
	name := strings.TrimPrefix(slotPath, "log/")
	if slices.Contains(serviceFiles(), name) {
		return nil
	}
	if fs.ValidPath(name) && (strings.HasPrefix(name, "data/") || strings.HasPrefix(name, "env/")) {
		return nil
	}
	if path.Base(name) == DownFile {
		return fmt.Errorf("%q can't be a template: the state and --autostart decide which gateways start", slotPath)
	}
	err := fmt.Errorf("%q is no file of a service directory", slotPath)
	if near := cmp.Or(hint.Nearest(name, serviceFiles()), profilePath(slotPath, prefix)); near != "" {
		return hint.Add(err, "did you mean %q?", near+suffix)
	}
	return err
}

// profilePath returns the right path for a file that is probably meant for one profile, or "".
func profilePath(slotPath, prefix string) string {
	profile, file, _ := strings.Cut(slotPath, "/")
	switch {
	case profile == "log" || !slices.Contains(serviceFiles(), strings.TrimPrefix(file, "log/")):
		return ""
	case profile == profilesDir:
		return profilesDir + "/NAME/" + file
	}
	return profilesDir + "/" + strings.TrimPrefix(profile, prefix) + "/" + file
}
