package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// packageFiles are the files of each package, without the pages of docs/ and the completions of
// zsh. Each distribution has another directory for those.
var packageFiles = []string{
	"/etc/slotgen/templates/",
	"/usr/bin/slotgen",
	"/usr/share/bash-completion/completions/slotgen",
	"/usr/share/doc/slotgen/LICENSE",
	"/usr/share/doc/slotgen/README.md",
	"/usr/share/fish/vendor_completions.d/slotgen.fish",
	"/usr/share/man/man8/slotgen.8.gz",
	"/usr/share/slotgen/cont-finish",
	"/usr/share/slotgen/cont-init",
	"/usr/share/slotgen/s6-rc/slotgen-watch/dependencies.d/slotgen",
	"/usr/share/slotgen/s6-rc/slotgen-watch/finish",
	"/usr/share/slotgen/s6-rc/slotgen-watch/notification-fd",
	"/usr/share/slotgen/s6-rc/slotgen-watch/run",
	"/usr/share/slotgen/s6-rc/slotgen-watch/type",
	"/usr/share/slotgen/s6-rc/slotgen/dependencies.d/base",
	"/usr/share/slotgen/s6-rc/slotgen/down",
	"/usr/share/slotgen/s6-rc/slotgen/type",
	"/usr/share/slotgen/s6-rc/slotgen/up",
	"/usr/share/slotgen/s6-rc/user/contents.d/slotgen",
	"/usr/share/slotgen/s6-rc/user/contents.d/slotgen-watch",
	"/usr/share/slotgen/watch/finish",
	"/usr/share/slotgen/watch/notification-fd",
	"/usr/share/slotgen/watch/run",
}

// makePackages runs .ci/package with a umask and a time zone, and returns its output directory.
func makePackages(t *testing.T, umask, zone string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("sh", "-c", `umask "$1" && exec .ci/package "$2"`, "sh", umask, dir)
	cmd.Env = append(os.Environ(), "TZ="+zone)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// only returns the single file that a pattern matches.
func only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// archiveFiles lists the files and the empty directories in the archive of a package.
func archiveFiles(t *testing.T, argv ...string) []string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("%q: %v", argv, err)
	}
	var files []string
	for line := range strings.Lines(string(out)) {
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "."), "/")
		if name == "/etc/slotgen/templates/" || !strings.HasSuffix(name, "/") {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

func TestPackages(t *testing.T) {
	testenv.NeedTime(t, "makes packages for two machines, twice")
	testenv.NeedRoot(t, "installs a package")
	dist := makePackages(t, "022", "UTC")
	docs, err := filepath.Glob("docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatalf("no pages in docs/: %v", err)
	}
	t.Run("hold the same files", func(t *testing.T) {
		for _, tt := range []struct {
			zsh  string
			argv []string
		}{
			{"vendor-completions", []string{"sh", "-c", `dpkg-deb --fsys-tarfile "$0" | tar -t`, only(t, dist+"/*_amd64.deb")}},
			{"vendor-completions", []string{"sh", "-c", `dpkg-deb --fsys-tarfile "$0" | tar -t`, only(t, dist+"/*_arm64.deb")}},
			// An .apk consists of three archives. The first one holds its description.
			{"site-functions", []string{"sh", "-c", `tar -tzf "$0" 2>/dev/null | grep -v '^.PKGINFO$'`, only(t, dist+"/*_x86_64.apk")}},
			{"site-functions", []string{"sh", "-c", `tar -tzf "$0" 2>/dev/null | grep -v '^.PKGINFO$'`, only(t, dist+"/*_aarch64.apk")}},
			{"site-functions", []string{"tar", "-tzf", only(t, dist+"/*-linux-amd64.tar.gz")}},
			{"site-functions", []string{"tar", "-tzf", only(t, dist+"/*-linux-arm64.tar.gz")}},
		} {
			want := append(slices.Clone(packageFiles), "/usr/share/zsh/"+tt.zsh+"/_slotgen")
			for _, page := range docs {
				want = append(want, "/usr/share/doc/slotgen/"+page)
			}
			slices.Sort(want)
			if got := archiveFiles(t, tt.argv...); !slices.Equal(got, want) {
				t.Errorf("%s holds %q, want %q", tt.argv[len(tt.argv)-1], got, want)
			}
		}
		info, err := exec.Command("tar", "-xzOf", only(t, dist+"/*_x86_64.apk"), ".PKGINFO").Output()
		if err != nil || !bytes.Contains(info, []byte("\narch = x86_64\n")) || bytes.Contains(info, []byte("\n ")) {
			t.Errorf("the .apk's description is %q, %v", info, err)
		}
		if out, err := exec.Command("sh", "-c", `cd "$0" && sha256sum --check --strict --quiet SHA256SUMS`, dist).CombinedOutput(); err != nil {
			t.Errorf("checksums: %v\n%s", err, out)
		}
	})
	t.Run("are the same bytes each time", func(t *testing.T) {
		again := makePackages(t, "077", "Pacific/Auckland")
		if first, second := harness.ReadText(t, dist+"/SHA256SUMS"), harness.ReadText(t, again+"/SHA256SUMS"); first != second {
			t.Errorf("first\n%sthen\n%s", first, second)
		}
	})
	t.Run("install and do the job", func(t *testing.T) { checkInstalled(t, only(t, dist+"/*_amd64.deb")) })
}

// checkInstalled installs the .deb in a container and boots with the installed files.
func checkInstalled(t *testing.T, deb string) {
	t.Helper()
	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop)
	c.Household()
	text := harness.ReadText(t, deb)
	if err := os.WriteFile(c.Path("/tmp/slotgen.deb"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c.MustRun("root", "sh", "-ec", `PATH=/usr/sbin:/usr/bin:/sbin:/bin
: >/var/lib/dpkg/statoverride # of the machine, whose groups are not here
dpkg --install /tmp/slotgen.deb
test -z "$(dpkg --verify slotgen)"
test "$(stat -c %U:%a /etc/slotgen/templates)" = root:755
`+harness.JoinTexts(harness.MarkedBlocks(t, "sh package"))+`
grep "^'/usr/bin/slotgen' reconcile" /etc/cont-init.d/99-slotgen
test -x /etc/services.d/slotgen-watch/finish
grep "^exec '/usr/bin/slotgen' watch" /etc/services.d/slotgen-watch/run
grep "'/usr/bin/slotgen' stop" /usr/share/slotgen/s6-rc/slotgen/down
! grep -rE '/tmp|slotgen-build' /usr/share/slotgen
/usr/bin/slotgen --version | grep -E '^slotgen version .* \(rev [0-9a-f]{12}(\+dirty)?, [0-9]{4}(-[0-9]{2}){2}, go1\.[0-9]+[^ ]*, linux/amd64\)$'
zcat /usr/share/man/man8/slotgen.8.gz | grep '^\.TH SLOTGEN 8'`)
	c.Boot()
	if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 || !strings.Contains(got.Stderr, "6 profiles: 6 created") {
		t.Errorf("the boot script: %+v", got)
	}
	c.WaitUp("gateway-default", "gateway-coder", "gateway-night_watch")
	c.WaitSupervised("gateway-accounts")
	if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
		t.Errorf("the stop script: %+v", got)
	}
}
