package image

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"slotgen/internal/e2e/harness"
)

// runInImage runs a script in a container that becomes an image: no s6-svscan runs yet. Env are
// variables of the image, each as NAME=VALUE.
func runInImage(c *harness.Container, script string, env ...string) {
	c.T.Helper()
	result := c.RunEnv("root", append(env,
		"HOME=/root", "PATH=/usr/local/bin:/usr/local/go/bin:/command:/usr/bin:/bin", "GOFLAGS=-buildvcs=false",
	), "sh", "-ec", script)
	if result.Code != 0 {
		c.T.Fatalf("%s\nexits %d: %s%s", script, result.Code, result.Stdout, result.Stderr)
	}
}

// buildFrom follows the instructions of a Dockerfile. All its stages use the same directory tree.
func buildFrom(c *harness.Container, dockerfile string) {
	c.T.Helper()
	dockerfile = strings.ReplaceAll(dockerfile, "\\\n", " ")
	var env []string
	for line := range strings.Lines(dockerfile) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "", "FROM", "HEALTHCHECK":
		case "ENV":
			env = append(env, rest)
			name, value, _ := strings.Cut(rest, "=")
			c.Write(c.Path("/run/s6/container_environment/"+name), value)
		case "RUN":
			runInImage(c, rest, env...)
		case "COPY":
			words := strings.Fields(regexp.MustCompile(`--from=\S+ `).ReplaceAllString(rest, ""))
			if words[0] == "." {
				continue // the test has copied the sources
			}
			runInImage(c, "! mountpoint -q "+words[1]+" || umount "+words[1]+"; mkdir -p $(dirname "+words[1]+"); cp -RT --remove-destination "+words[0]+" "+words[1])
		default:
			c.T.Fatalf("the Dockerfile has %q", line)
		}
	}
}

// dockerfileOf returns the first Dockerfile of a page.
func dockerfileOf(t *testing.T, page string) string {
	t.Helper()
	blocks := harness.PageMarkedBlocks(t, page, "dockerfile")
	if len(blocks) == 0 {
		t.Fatalf("%s has no Dockerfile", page)
	}
	return blocks[0].Text
}

// healthcheckOf returns the command of a Dockerfile's HEALTHCHECK.
func healthcheckOf(t *testing.T, dockerfile string) []string {
	t.Helper()
	_, command, _ := strings.Cut(dockerfile, "\nHEALTHCHECK --start-period=60s CMD ")
	command, _, _ = strings.Cut(command, "\n")
	var argv []string
	if err := json.Unmarshal([]byte(command), &argv); err != nil {
		t.Fatalf("the HEALTHCHECK %q: %v", command, err)
	}
	return argv
}

func TestContainerDockerfileOfReadmeMakesAnImageThatBoots(t *testing.T) {
	c := harness.NewContainer(t, harness.OwnS6(), harness.UnhurriedStop)
	dockerfile := dockerfileOf(t, "README.md")
	if err := os.Mkdir(c.Path("/src"), 0o755); err != nil {
		t.Fatal(err)
	}
	cloneRepository(t, c.Path("/src"))
	buildFrom(c, dockerfile)
	for _, block := range harness.MarkedBlocks(t, "sh image") {
		runInImage(c, block.Text)
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
	c.MustRun("root", healthcheckOf(t, dockerfile)...)
	if got := runScripts(c, "/etc/cont-finish.d"); got.Code != 0 {
		t.Errorf("the stop script: %+v", got)
	}
}
