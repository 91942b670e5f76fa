package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// s6Release is one version of s6 that the end-to-end tests run against.
type s6Release struct {
	name    string // "2.11", "2.13" or "newest"
	tree    string // where its packages are unpacked; empty for the one the machine has installed
	missing string // why it can't be used; empty when it can
}

// program returns where the machine finds one of the release's programs.
func (r s6Release) program(name string) string {
	return filepath.Join(r.tree, "/usr/bin", name)
}

// s6Releases returns the machine's own s6 and those that .ci/s6 unpacked in $SLOTGEN_TEST_S6.
// A missing one says so in its field, but ends the test where CI=true. The newest is best effort:
// where it is missing it is left out.
func s6Releases(t *testing.T) []s6Release {
	t.Helper()
	releases := []s6Release{ownS6(), unpackedS6("2.13", "trixie")}
	for _, release := range releases {
		if release.missing != "" && testenv.InCI() {
			t.Fatalf("s6 %s: %s", release.name, release.missing)
		}
	}
	newest := unpackedS6("newest", "sid")
	if newest.missing != "" {
		t.Logf("the newest s6 is not tested: %s", newest.missing)
		return releases
	}
	return append(releases, newest)
}

// forEachS6 runs a parallel subtest for each release of s6, for what depends on how s6 behaves.
// They start when the calling test function returns.
func forEachS6(t *testing.T, test func(t *testing.T, release s6Release)) {
	t.Helper()
	for _, release := range s6Releases(t) {
		t.Run(release.name, func(t *testing.T) {
			t.Parallel()
			test(t, release)
		})
	}
}

// ownS6 is the s6 of the machine, 2.11 on Debian 12.
func ownS6() s6Release {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", "s6").Output()
	if err != nil || len(out) == 0 {
		return s6Release{name: "2.11", missing: "s6 is not installed: run .ci/test as root"}
	}
	parts := strings.SplitN(string(out), ".", 3)
	return s6Release{name: strings.Join(parts[:min(2, len(parts))], ".")}
}

func unpackedS6(name, suite string) s6Release {
	dir := os.Getenv("SLOTGEN_TEST_S6")
	if dir == "" {
		return s6Release{name: name, missing: "SLOTGEN_TEST_S6 is not set: run .ci/test as root, which sets it"}
	}
	release := s6Release{name: name, tree: filepath.Join(dir, suite, "tree")}
	if _, err := os.Stat(release.program("s6-svscan")); err != nil {
		release.missing = err.Error() + ": run .ci/test as root, which unpacks it"
	}
	return release
}
