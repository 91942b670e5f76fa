package image

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// The mark of a code block says which test runs it. A block without a mark, behind commands, is
// their output.
func TestBlocksOfAllPagesAreRun(t *testing.T) {
	marks := []string{
		"sh", "sh ci", "sh container", "sh image", "sh override", "sh package", "sh tenants", "dockerfile", "dockerfile games",
		"yaml compose", "yaml kubernetes", "yaml acme/tenant.yaml", "yaml globex/tenant.yaml", "yaml initech/tenant.yaml",
		"gotemplate tenants/run.tmpl", "gotemplate games/run.tmpl", "text",
	}
	for _, page := range harness.Pages(t) {
		for _, b := range harness.PageBlocks(t, page) {
			if !slices.Contains(marks, b.Info) {
				t.Errorf("%s: no test runs a block marked %q:\n%s", page, b.Info, b.Text)
			}
		}
	}
}

// README builds slotgen as these tests do, and the tests that the pages name exist.
func TestPagesNameTheBuildAndTests(t *testing.T) {
	command := "CGO_ENABLED=0 go " + strings.Join(harness.BuildArguments, " ") + " -o slotgen ."
	if !strings.Contains(harness.ReadText(t, "README.md"), "\n"+command+"\n") {
		t.Errorf("README does not have the line %q", command)
	}
	for _, b := range harness.MarkedBlocks(t, "sh ci") {
		for _, program := range regexp.MustCompile(`\.ci/\w+`).FindAllString(b.Text, -1) {
			if info, err := os.Stat(program); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s names %s, which can't be run: %v", b.Page, program, err)
			}
		}
	}
	names := 0
	for _, page := range harness.Pages(t) {
		for _, match := range regexp.MustCompile(` -run (Test\w+)`).FindAllStringSubmatch(harness.ReadText(t, page), -1) {
			names++
			if !hasTest(t, match[1]) {
				t.Errorf("%s names the test %s, which is not there", page, match[1])
			}
		}
	}
	if names < 3 {
		t.Errorf("the pages name %d tests, want at least 3", names)
	}
}

// hasTest reports whether a package below internal/e2e has a test of that name.
func hasTest(t *testing.T, name string) bool {
	t.Helper()
	files, err := filepath.Glob("internal/e2e/*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(harness.ReadText(t, file), "\nfunc "+name+"(")
	})
}

// The blocks marked "sh container" of a page are one session of root in a running container.
func TestContainerSessionsOfPages(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		for _, page := range harness.Pages(t) {
			blocks := harness.PageMarkedBlocks(t, page, "sh container")
			if len(blocks) == 0 {
				continue
			}
			t.Run(path.Base(page), func(t *testing.T) {
				c := harness.NewContainer(t, release)
				c.Profile("default", harness.Running)
				c.Profile("coder", harness.Running)
				c.Profile("writer", harness.Stopped)
				c.MustRun("root", "slotgen", "reconcile")
				c.Boot()
				c.WaitUp("gateway-default", "gateway-default/log", "gateway-coder", "gateway-coder/log", "gateway-writer/log")
				c.WaitSupervised("gateway-writer")
				c.WaitFor("coder's record", func() bool { return len(c.Records("coder")) == 1 })
				harness.CheckSession(t, blocks, c.MustRun("root", "sh", "-c", harness.SessionScript(blocks)))
				if page == "docs/operating.md" {
					c.WaitFor("coder to be restarted", func() bool { return len(c.Records("coder")) > 1 })
				}
			})
		}
	})
}

// cloneRepository copies the working files of the repository, without those that git ignores.
func cloneRepository(t *testing.T, to string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", `git ls-files -z --cached --others --exclude-standard |
		tar --null --ignore-failed-read -T - -cf - | tar -C "$0" -xf -`, to)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying the repository: %v\n%s", err, out)
	}
}

// The blocks marked "sh" of a page are one session in a fresh clone.
func TestSessionsOfPages(t *testing.T) {
	testenv.NeedTime(t, "builds slotgen in a fresh clone")
	testenv.NeedRoot(t, "makes mounts of its own")
	if n := len(harness.MarkedBlocks(t, "sh")) + len(harness.MarkedBlocks(t, "sh container")); n < 10 {
		t.Errorf("the sessions of all pages have %d blocks", n)
	}
	for _, page := range harness.Pages(t) {
		blocks := harness.PageMarkedBlocks(t, page, "sh")
		if len(blocks) == 0 {
			continue
		}
		t.Run(path.Base(page), func(t *testing.T) {
			clone := t.TempDir()
			cloneRepository(t, clone)
			// The session has its own mounts, so its files in /tmp do not appear on the machine.
			cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
				`mount --bind "$1" /mnt && mount -t tmpfs none /tmp && cd /mnt && exec sh -c "$2"`, "sh", clone, harness.SessionScript(blocks))
			// README's session builds slotgen in the first directory of PATH.
			cmd.Env = append(os.Environ(), "PATH=/mnt:"+os.Getenv("PATH"), "GOFLAGS=-buildvcs=false")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			harness.CheckSession(t, blocks, strings.ReplaceAll(string(out), "/mnt/", "/home/me/slotgen/"))
		})
	}
}
