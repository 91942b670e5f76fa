package model

import (
	"flag"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var isRoot = os.Geteuid() == 0

func TestMain(m *testing.M) {
	unix.Umask(0o077) // no mode may depend on the umask
	flag.Parse()
	setDefault("rapid.nofailfile", "true") // the seed repeats a case
	if testing.Short() {                   // rapid divides the number by five
		setDefault("rapid.checks", "50")
	}
	setDefault("rapid.checks", "300")
	os.Exit(run(m))
}

// setDefault sets a flag unless the command line sets it.
func setDefault(name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, value); err != nil {
		panic(err)
	}
}

// TestModel makes a random volume and scandir, and changes them between passes. Each pass has to
// do what the oracle expects, even after a pass that was killed. Another pass after it has to
// change nothing.
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
			if b.oneIn(3, "killed") {
				b.checkKill(s)
			}
			b.checkPass(s)
			b.checkPass(s)
		}
	})
}

// situation returns the files on disk and the settings of a pass.
func (b *sandbox) situation(s settings) situation {
	b.giveHome(s.uid, s.gid)
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
