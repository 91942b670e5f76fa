package model

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"
)

// binary is the program under test. rendered holds the slots that it renders from its embedded
// templates, for an example profile and for the home, with each user.
var binary struct {
	dir, path string
	rendered  map[string]map[string]string
}

const exampleName = "example-profile"

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slotgen-model-build-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	unix.Umask(0o022) // the user of a volume can read what the test makes
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	binary.dir, binary.path, binary.rendered = dir, filepath.Join(dir, "slotgen"), map[string]map[string]string{}
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", binary.path, "slotgen")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building slotgen: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// embedded returns the files of a profile's slot without overrides and without down.
func (b *sandbox) embedded(s settings, profile string) map[string]string {
	example := exampleName
	if profile == "default" {
		example = profile
	}
	key := fmt.Sprint(example, s.uid, s.gid)
	if binary.rendered[key] == nil {
		binary.rendered[key] = b.render(s, example)
	}
	texts := map[string]string{}
	for name, text := range binary.rendered[key] {
		texts[name] = strings.NewReplacer(binary.dir, b.home, exampleName, profile).Replace(text)
	}
	return texts
}

// render runs slotgen render for a profile of the example home.
func (b *sandbox) render(s settings, profile string) map[string]string {
	b.write(binary.dir+"/profiles/"+exampleName+"/SOUL.md", "")
	b.mkdir(binary.dir+"/proc", 0o755)
	s.overrides = nil
	args := []string{"render", "--home", binary.dir, "--proc", binary.dir + "/proc", "--profile", profile}
	r := b.run(s, append(args, s.slotArgs(b)...)...)
	if r.code != 0 {
		b.Fatalf("exit code %d of %v", r.code, r)
	}
	texts := map[string]string{}
	for _, f := range txtar.Parse([]byte(r.stdout)).Files {
		if name := strings.TrimPrefix(f.Name, "gateway-"+profile+"/"); name != "down" {
			texts[name] = string(f.Data)
		}
	}
	return texts
}
