package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
	"slotgen/internal/testenv"
)

// The mark of a code block says which test runs it. A block without a mark is part of the
// transcript.
func TestReadmeBlocksAreAllRun(t *testing.T) {
	marks := []string{"", "sh", "sh ci", "sh image", "sh override", "sh package", "sh s6", "dockerfile"}
	for _, b := range harness.AllReadmeBlocks(t) {
		if !slices.Contains(marks, b.Info) {
			t.Errorf("no test runs a block marked %q:\n%s", b.Info, b.Text)
		}
	}
}

// README builds slotgen as these tests do, and the tests that README names exist.
func TestReadmeNamesTheBuildAndTests(t *testing.T) {
	text := harness.ReadText(t, "README.md")
	if command := "CGO_ENABLED=0 go " + strings.Join(harness.BuildArguments, " ") + " -o slotgen ."; !strings.Contains(text, "\n"+command+"\n") {
		t.Errorf("README does not have the line %q", command)
	}
	if info, err := os.Stat(".ci/test"); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("README names .ci/test, which can't be run: %v", err)
	}
	for _, match := range regexp.MustCompile(`\.ci/test -run (\w+)`).FindAllStringSubmatch(text, -1) {
		if !hasTest(t, match[1]) {
			t.Errorf("README names the test %s, which is not there", match[1])
		}
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

func TestContainerReadmeBlocksForARunningContainer(t *testing.T) {
	harness.ForEachS6(t, func(t *testing.T, release harness.S6Release) {
		c := harness.NewContainer(t, release)
		c.Profile("coder", harness.Running)
		c.Boot()
		c.MustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.WaitUp("gateway-coder", "gateway-coder/log")
		c.WaitFor("coder's record", func() bool { return len(c.Records("coder")) == 1 })
		for _, block := range harness.ReadmeBlocks(t, "s6") {
			c.MustRun("root", "sh", "-ec", block)
		}
		c.WaitFor("coder to be restarted", func() bool { return len(c.Records("coder")) == 2 })
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

// The blocks marked "sh" are one session in a fresh clone. The block without a mark after one of
// them is its expected output.
func TestReadmeTranscript(t *testing.T) {
	testenv.NeedTime(t, "builds slotgen in a fresh clone")
	testenv.NeedRoot(t, "makes mounts of its own")
	clone := t.TempDir()
	cloneRepository(t, clone)
	blocks := harness.AllReadmeBlocks(t)
	var script strings.Builder
	var want []string
	for i, b := range blocks {
		if b.Info != "sh" {
			continue
		}
		script.WriteString(b.Text + "echo '# end of block'\n")
		expected := ""
		if i+1 < len(blocks) && blocks[i+1].Info == "" {
			expected = blocks[i+1].Text
		}
		want = append(want, expected)
	}
	if len(want) < 5 {
		t.Fatalf("README's transcript has %d blocks", len(want))
	}
	// The session has its own mounts, so its files in /tmp do not appear on the machine.
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$1" /mnt && mount -t tmpfs none /tmp && cd /mnt && exec sh -ec "$2"`, "sh", clone, script.String())
	// The session builds slotgen in the first directory of PATH.
	cmd.Env = append(os.Environ(), "PATH=/mnt:"+os.Getenv("PATH"), "GOFLAGS=-buildvcs=false")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	got := strings.Split(strings.ReplaceAll(string(out), "/mnt/", "/home/me/slotgen/"), "# end of block\n")
	for i, expected := range want {
		if got[i] != expected {
			t.Errorf("block %d prints\n%s\nand README says\n%s", i+1, got[i], expected)
		}
	}
}

// runInImage runs a script in a container that becomes an image: no s6-svscan runs yet.
func runInImage(c *harness.Container, script string) {
	c.T.Helper()
	result := c.RunEnv("root", []string{
		"HOME=/root", "PATH=/usr/local/bin:/usr/local/go/bin:/command:/usr/bin:/bin", "GOFLAGS=-buildvcs=false",
	}, "sh", "-ec", script)
	if result.Code != 0 {
		c.T.Fatalf("%s\nexits %d: %s%s", script, result.Code, result.Stdout, result.Stderr)
	}
}

// buildFrom follows the instructions of a Dockerfile. All its stages use the same directory tree.
func buildFrom(c *harness.Container, dockerfile string) {
	c.T.Helper()
	dockerfile = strings.ReplaceAll(dockerfile, "\\\n", " ")
	for line := range strings.Lines(dockerfile) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "", "FROM":
		case "ENV":
			name, value, _ := strings.Cut(rest, "=")
			c.Write(c.Path("/run/s6/container_environment/"+name), value)
		case "RUN":
			runInImage(c, rest)
		case "COPY":
			words := strings.Fields(regexp.MustCompile(`--from=\S+ `).ReplaceAllString(rest, ""))
			if words[0] == "." {
				continue // the test has copied the sources
			}
			runInImage(c, "umount "+words[1]+"; cp --remove-destination "+words[0]+" "+words[1])
		default:
			c.T.Fatalf("the Dockerfile has %q", line)
		}
	}
}

// dockerfileOf returns the first Dockerfile of a page.
func dockerfileOf(t *testing.T, page string) string {
	t.Helper()
	blocks := harness.PageBlocks(t, page)
	i := slices.IndexFunc(blocks, func(b harness.ReadmeBlock) bool { return b.Info == "dockerfile" })
	if i < 0 {
		t.Fatalf("%s has no Dockerfile", page)
	}
	return blocks[i].Text
}

func TestContainerDockerfileOfReadmeMakesAnImageThatBoots(t *testing.T) {
	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop)
	dockerfile := dockerfileOf(t, "README.md")
	if err := os.Mkdir(c.Path("/src"), 0o755); err != nil {
		t.Fatal(err)
	}
	cloneRepository(t, c.Path("/src"))
	buildFrom(c, dockerfile)
	for _, block := range harness.ReadmeBlocks(t, "image") {
		runInImage(c, block)
	}
	if text := harness.ReadText(t, c.Path("/etc/cont-init.d/99-slotgen")); !strings.Contains(text, "'/usr/local/bin/slotgen' reconcile --rescan") {
		t.Errorf("the boot script calls another slotgen:\n%s", text)
	}
	if _, err := os.Stat(c.Path("/etc/s6-overlay/s6-rc.d/user/contents.d/slotgen")); err != nil {
		t.Error(err)
	}
	c.Household()
	c.Boot()
	if got := runScripts(c, "/etc/cont-init.d"); got.Code != 0 {
		t.Errorf("the boot script: %+v", got)
	}
	c.WaitUp("gateway-default")
	c.CheckDown("gateway-coder") // the default gateway serves it
	if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
		t.Errorf("the stop script: %+v", got)
	}
}
