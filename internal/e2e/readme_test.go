package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"slotgen/internal/testenv"
)

// readmeBlock is a fenced block of README.
type readmeBlock struct {
	// info is what stands behind the opening fence: "sh override".
	info, text string
}

func allReadmeBlocks(t *testing.T) []readmeBlock {
	t.Helper()
	parts := strings.Split("\n"+readText(t, "README.md"), "\n```")
	if len(parts)%2 == 0 {
		t.Fatal("a code block of README does not end")
	}
	var blocks []readmeBlock
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		blocks = append(blocks, readmeBlock{info, text + "\n"})
	}
	return blocks
}

// readmeBlocks returns the code blocks of README that are marked with a word.
func readmeBlocks(t *testing.T, word string) []string {
	t.Helper()
	var blocks []string
	for _, b := range allReadmeBlocks(t) {
		if b.info == "sh "+word {
			blocks = append(blocks, b.text)
		}
	}
	return blocks
}

// Each block of commands says by its mark which test runs it; one without a mark
// is part of the transcript.
func TestReadmeBlocksAreAllRun(t *testing.T) {
	marks := []string{"", "sh", "sh ci", "sh image", "sh override", "sh package", "sh s6", "dockerfile"}
	for _, b := range allReadmeBlocks(t) {
		if !slices.Contains(marks, b.info) {
			t.Errorf("no test runs a block marked %q:\n%s", b.info, b.text)
		}
	}
}

// README builds slotgen as these tests do, and tells how to run tests that there are.
func TestReadmeNamesTheBuildAndTests(t *testing.T) {
	text := readText(t, "README.md")
	if command := "CGO_ENABLED=0 go " + strings.Join(buildArguments, " ") + " -o slotgen ."; !strings.Contains(text, "\n"+command+"\n") {
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

// hasTest asks the test program itself.
func hasTest(t *testing.T, name string) bool {
	t.Helper()
	out, err := exec.Command("/proc/self/exe", "-test.list", "^"+name+"$").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out) == name+"\n"
}

func TestContainerReadmeBlocksForARunningContainer(t *testing.T) {
	forEachS6(t, func(t *testing.T, release s6Release) {
		c := newContainer(t, release)
		c.profile("coder", running)
		c.boot()
		c.mustRun("root", "slotgen", "reconcile", "--rescan", "--wait", "10m")
		c.waitUp("gateway-coder", "gateway-coder/log")
		c.waitFor("coder's record", func() bool { return len(c.records("coder")) == 1 })
		for _, block := range readmeBlocks(t, "s6") {
			c.mustRun("root", "sh", "-ec", block)
		}
		c.waitFor("coder to be restarted", func() bool { return len(c.records("coder")) == 2 })
	})
}

// cloneRepository copies the files of the repository that git would, as they are
// now.
func cloneRepository(t *testing.T, to string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", `git ls-files -z --cached --others --exclude-standard |
		tar --null --ignore-failed-read -T - -cf - | tar -C "$0" -xf -`, to)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying the repository: %v\n%s", err, out)
	}
}

// The blocks without a mark are one session in a fresh clone; the block without a
// language that follows one is what it prints.
func TestReadmeTranscript(t *testing.T) {
	testenv.NeedTime(t, "builds slotgen in a fresh clone")
	testenv.NeedRoot(t, "makes mounts of its own")
	clone := t.TempDir()
	cloneRepository(t, clone)
	blocks := allReadmeBlocks(t)
	var script strings.Builder
	var want []string
	for i, b := range blocks {
		if b.info != "sh" {
			continue
		}
		script.WriteString(b.text + "echo '# end of block'\n")
		expected := ""
		if i+1 < len(blocks) && blocks[i+1].info == "" {
			expected = blocks[i+1].text
		}
		want = append(want, expected)
	}
	if len(want) < 5 {
		t.Fatalf("README's transcript has %d blocks", len(want))
	}
	// What the session writes to /tmp stays in its own mounts.
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$1" /mnt && mount -t tmpfs none /tmp && cd /mnt && exec sh -ec "$2"`, "sh", clone, script.String())
	// The session's own build is the slotgen in PATH from then on.
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

// image is a container on its way to becoming an image: no s6-svscan runs.
func (c *container) image(script string) {
	c.t.Helper()
	result := c.runEnv("root", []string{
		"HOME=/root", "PATH=/usr/local/bin:/usr/local/go/bin:/command:/usr/bin:/bin", "GOFLAGS=-buildvcs=false",
	}, "sh", "-ec", script)
	if result.code != 0 {
		c.t.Fatalf("%s\nexits %d: %s%s", script, result.code, result.stdout, result.stderr)
	}
}

// buildFrom carries out the instructions of a Dockerfile that has one directory
// tree for all its stages.
func (c *container) buildFrom(dockerfile string) {
	c.t.Helper()
	dockerfile = strings.ReplaceAll(dockerfile, "\\\n", " ")
	for line := range strings.Lines(dockerfile) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "", "FROM":
		case "RUN":
			c.image(rest)
		case "COPY":
			words := strings.Fields(regexp.MustCompile(`--from=\S+ `).ReplaceAllString(rest, ""))
			if words[0] == "." {
				continue // the test has put it there
			}
			c.image("umount " + words[1] + "; cp --remove-destination " + words[0] + " " + words[1])
		default:
			c.t.Fatalf("README's Dockerfile has %q", line)
		}
	}
}

func TestContainerDockerfileOfReadmeMakesAnImageThatBoots(t *testing.T) {
	c := newContainer(t, ownS6(), unhurriedStop)
	blocks := allReadmeBlocks(t)
	i := slices.IndexFunc(blocks, func(b readmeBlock) bool { return b.info == "dockerfile" })
	if i < 0 {
		t.Fatal("README has no Dockerfile")
	}
	if err := os.Mkdir(c.path("/src"), 0o755); err != nil {
		t.Fatal(err)
	}
	cloneRepository(t, c.path("/src"))
	c.buildFrom(blocks[i].text)
	for _, block := range readmeBlocks(t, "image") {
		c.image(block)
	}
	if text := readText(t, c.path("/etc/cont-init.d/99-slotgen")); !strings.Contains(text, "'/usr/local/bin/slotgen' reconcile --rescan") {
		t.Errorf("the boot script calls another slotgen:\n%s", text)
	}
	if _, err := os.Stat(c.path("/etc/s6-overlay/s6-rc.d/user/contents.d/slotgen")); err != nil {
		t.Error(err)
	}
	c.household()
	c.boot()
	if got := c.runScripts("/etc/cont-init.d"); got.code != 0 {
		t.Errorf("the boot script: %+v", got)
	}
	c.waitUp("gateway-default", "gateway-coder", "gateway-night_watch")
	if got := c.runScripts("/etc/cont-finish.d"); got != (execResult{}) {
		t.Errorf("the stop script: %+v", got)
	}
}
