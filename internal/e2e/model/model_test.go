package model

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
)

// binary is the program under test.
var binary struct{ dir, path string }

var isRoot = os.Geteuid() == 0

// defaultChecks is how many cases are made unless -rapid.checks says otherwise. With
// -short there are a fifth of them.
const defaultChecks = "200"

func TestMain(m *testing.M) {
	unix.Umask(0o077) // no mode may depend on it
	set := func(name, value string) {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	set("rapid.checks", defaultChecks)
	set("rapid.nofailfile", "true") // the seed repeats a case
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slotgen-model-build-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary.dir, binary.path = dir, filepath.Join(dir, "slotgen")
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", binary.path, "slotgen")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building slotgen: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestModel makes a random volume and scandir, and changes them between passes. Each pass
// comes to what the oracle says, also after one that was killed, and another pass after
// it changes nothing.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newSandbox(t)
		b.generateVolume()
		for range rapid.IntRange(1, 3).Draw(t, "passes") {
			s := b.generateSettings()
			s.write(b)
			b.changeVolume()
			b.changeScandir()
			b.changeSupervisors(s)
			b.checkLooks(s)
			if b.oneIn(4, "killed") {
				b.checkKill(s)
			}
			b.checkPass(s)
			b.checkPass(s)
		}
	})
}

// situation returns what is on disk, and what a pass is told.
func (b *sandbox) situation(s settings) situation {
	x := situation{
		settings: s, isRoot: isRoot, homePath: b.home, held: map[string]bool{}, old: map[string]bool{},
		listens: b.scanner != 0, embedded: func(profile string) map[string]string { return b.embedded(s, profile) },
	}
	x.home, x.scandir = b.trees()
	for dir := range b.locks {
		x.held[dir] = true
	}
	for _, name := range x.scandir.names("") {
		mtime := x.scandir[name].stamp.mtime
		x.old[name] = time.Since(time.Unix(mtime.Unix())) > time.Minute
	}
	return x
}

// embedded returns the files of a profile's slot without overrides, by slotgen render.
func (b *sandbox) embedded(s settings, profile string) map[string]string {
	key := fmt.Sprint(profile, s.uid, s.gid)
	if texts := b.rendered[key]; texts != nil {
		return texts
	}
	s.overrides = nil
	args := []string{"render", "--home", b.home, "--proc", b.proc, "--autostart", "recorded", "--profile=" + profile}
	r := b.run(s, 0, append(args, s.slotArgs(b)...)...)
	if r.code != 0 {
		b.Fatalf("exit code %d of %v", r.code, r)
	}
	texts := map[string]string{}
	for _, f := range txtar.Parse([]byte(r.stdout)).Files {
		if name := strings.TrimPrefix(f.Name, "gateway-"+profile+"/"); name != "down" {
			texts[name] = string(f.Data)
		}
	}
	b.rendered[key] = texts
	return texts
}
