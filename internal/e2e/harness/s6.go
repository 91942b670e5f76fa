package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// S6Release is one version of s6 that the end-to-end tests use.
type S6Release struct {
	Name    string // "2.11", "2.13" or "newest"
	tree    string // the folder of its unpacked packages; empty for the machine's own s6
	Missing string // why the tests can't use it; empty when they can
}

// Program returns the machine's path of one of the release's programs.
func (r S6Release) Program(name string) string {
	return filepath.Join(r.tree, "/usr/bin", name)
}

// S6Releases returns the machine's own s6 and the releases that .ci/s6 unpacked in
// $SLOTGEN_TEST_S6. A release that is missing has the reason in Missing; with CI=true the test
// fails. The newest release is optional: S6Releases leaves it out when it is missing.
func S6Releases(t *testing.T) []S6Release {
	t.Helper()
	releases := []S6Release{OwnS6(), unpackedS6("2.13", "trixie")}
	for _, release := range releases {
		if release.Missing != "" && testenv.InCI() {
			t.Fatalf("s6 %s: %s", release.Name, release.Missing)
		}
	}
	newest := unpackedS6("newest", "sid")
	if newest.Missing != "" {
		t.Logf("the newest s6 is not tested: %s", newest.Missing)
		return releases
	}
	return append(releases, newest)
}

// ForEachS6 runs a test that depends on the behavior of s6 as a parallel subtest for each release.
// The subtests start when the calling test function returns.
func ForEachS6(t *testing.T, test func(t *testing.T, release S6Release)) {
	t.Helper()
	for _, release := range S6Releases(t) {
		t.Run(release.Name, func(t *testing.T) {
			t.Parallel()
			test(t, release)
		})
	}
}

// OwnS6 returns the machine's own s6. On Debian 12 that is 2.11.
func OwnS6() S6Release {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", "s6").Output()
	if err != nil || len(out) == 0 {
		return S6Release{Name: "2.11", Missing: "s6 is not installed: run .ci/test as root"}
	}
	parts := strings.SplitN(string(out), ".", 3)
	return S6Release{Name: strings.Join(parts[:min(2, len(parts))], ".")}
}

func unpackedS6(name, suite string) S6Release {
	dir := os.Getenv("SLOTGEN_TEST_S6")
	if dir == "" {
		return S6Release{Name: name, Missing: "SLOTGEN_TEST_S6 is not set: run .ci/test as root, which sets it"}
	}
	release := S6Release{Name: name, tree: filepath.Join(dir, suite, "tree")}
	if _, err := os.Stat(release.Program("s6-svscan")); err != nil {
		release.Missing = err.Error() + ": run .ci/test as root, which unpacks it"
	}
	return release
}
