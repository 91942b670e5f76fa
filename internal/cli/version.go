package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version describes the build:
// "v0.1.0 (rev 10a38719d6d7, 2026-11-23, go1.26.8, linux/amd64)".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var parts []string
	if rev := settings["vcs.revision"]; rev != "" {
		rev = rev[:min(12, len(rev))]
		if settings["vcs.modified"] == "true" {
			rev += "+dirty"
		}
		parts = append(parts, "rev "+rev)
	}
	if day, _, found := strings.Cut(settings["vcs.time"], "T"); found {
		parts = append(parts, day)
	}
	parts = append(parts, info.GoVersion, runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("%s (%s)", info.Main.Version, strings.Join(parts, ", "))
}
