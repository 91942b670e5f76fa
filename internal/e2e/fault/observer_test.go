package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slotgen/internal/testenv"
)

// observedPasses returns the least number of passes that an observer watches. Each pass has other
// templates, and adds or removes the down file of coder.
func observedPasses() int {
	if os.Getenv(faultsVar) == "all" {
		return 1000
	}
	return 250
}

// observer reads the slots of a scandir without pause during passes.
type observer struct {
	f       *faults
	stop    chan struct{}
	stopped chan struct{}
	wrong   []string
	// discarded counts the readings of slots that were exchanged meanwhile. They prove nothing.
	discarded int

	mu sync.Mutex
	// readings counts the other readings. versions holds the versions that they saw.
	readings int
	versions map[int]bool
}

// observe makes passes while an observer calls look for each slot again and again. It makes passes
// until the observer has looked often enough.
func observe(t *testing.T, f *faults, look func(o *observer, slot string)) {
	t.Helper()
	o := &observer{f: f, stop: make(chan struct{}), stopped: make(chan struct{}), versions: map[int]bool{}}
	go o.run(look)
	start := time.Now()
	version, least := 0, observedPasses()
	for o.isRunning() && (version < least || !o.hasSeen(least) && time.Since(start) < testenv.HangLimit) {
		version++
		f.version(version)
		f.mustRun(f.args...)
	}
	close(o.stop)
	<-o.stopped
	t.Logf("%d passes in %s: %d readings of %d versions, %d discarded",
		version, time.Since(start).Round(time.Millisecond), o.readings, len(o.versions), o.discarded)
	for _, wrong := range o.wrong {
		t.Error(wrong)
	}
	if !o.hasSeen(least) {
		t.Error("it did not look often enough")
	}
}

// isRunning reports whether the observer still looks. It stops after enough failures.
func (o *observer) isRunning() bool {
	select {
	case <-o.stopped:
		return false
	default:
		return true
	}
}

// hasSeen reports whether the observer has looked at least once for each pass, and has seen at
// least every tenth version.
func (o *observer) hasSeen(passes int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.readings >= passes && len(o.versions) >= passes/10
}

func (o *observer) run(look func(o *observer, slot string)) {
	defer close(o.stopped)
	for len(o.wrong) < 10 {
		select {
		case <-o.stop:
			return
		default:
		}
		look(o, "gateway-coder")
		look(o, "gateway-writer")
	}
}

func (o *observer) fail(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

func (o *observer) saw(version int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.readings++
	o.versions[version] = true
}

// version writes the templates and states of a version. In every other version coder starts.
func (f *faults) version(version int) {
	f.t.Helper()
	for path, text := range versionFiles(version) {
		f.write("templates/"+path+".tmpl", strings.SplitN(text, "\n", 2)[1])
	}
	state := "running"
	if version%2 == 1 {
		state = "stopped"
	}
	f.volume(state, "stopped")
}

// versionFiles returns the files of a slot of a version, without type and down. The first line of
// each holds the mode. The scripts are longer than a page.
func versionFiles(version int) map[string]string {
	script := func(name string) string {
		return fmt.Sprintf("0755\n#!/bin/sh\n# %s of version %d\n%s# end of version %d\n", name, version, strings.Repeat(": words\n", 1000), version)
	}
	return map[string]string{
		"run": script("run"), "finish": script("finish"), "log/run": script("log/run"),
		"timeout-kill": fmt.Sprintf("0644\n%d\n", version),
		"data/version": fmt.Sprintf("0644\nversion %d\n", version),
	}
}

// wholeSlot returns all files of a slot of a version.
func wholeSlot(slot string, version int) map[string]string {
	files := versionFiles(version)
	files["type"] = "0644\nlongrun\n"
	if slot == "gateway-writer" || version%2 == 1 {
		files["down"] = "0644\n"
	}
	return files
}

var versionWord = regexp.MustCompile(`(?m)(?:version |^)(\d+)$`)

// versionOf returns the first version that a file mentions.
func versionOf(text string) int {
	_, text, _ = strings.Cut(text, "\n")
	m := versionWord.FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	version, _ := strconv.Atoi(m[1]) // the match is digits
	return version
}

func newObserved(t *testing.T, live map[string]bool) *faults {
	t.Helper()
	testenv.NeedTime(t, "makes hundreds of passes")
	return newFaults(t, situation{
		name: t.Name(), live: live, args: reconcileArgs(),
		prepare: func(f *faults) {
			f.version(0)
			f.mustRun(reconcileArgs()...)
			f.version(1)
		},
	})
}

func TestObserverNeverSeesATornSlot(t *testing.T) {
	t.Parallel()
	observe(t, newObserved(t, nil), lookAtSlot)
}

// lookAtSlot opens a slot by its name and reads its files. If the name still leads to the same
// directory afterwards, every reader could have seen these files.
func lookAtSlot(o *observer, slot string) {
	path := filepath.Join(o.f.root, "service", slot)
	dir, err := os.OpenRoot(path)
	if err != nil {
		o.fail("%s is not there: %v", slot, err)
		return
	}
	defer dir.Close()
	files, err := readSlot(dir)
	opened, serr := dir.Stat(".")
	current, lerr := os.Lstat(path)
	switch {
	case serr != nil || lerr != nil:
		o.fail("%s is not there: %v", slot, errors.Join(serr, lerr))
	case !os.SameFile(opened, current):
		o.discarded++
	case err != nil:
		o.fail("%s is torn: %v", slot, err)
	default:
		version := versionOf(files["run"])
		if want := wholeSlot(slot, version); !maps.Equal(files, want) {
			o.fail("%s is torn:\n%s", slot, tree(want).changes(files))
		}
		o.saw(version)
	}
}

// readSlot returns the modes and contents of a slot's files, without supervise/.
func readSlot(dir *os.Root) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(dir.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Name() == "supervise":
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		files[path], err = readMode(dir, path)
		return err
	})
	return files, err
}

func readMode(dir *os.Root, path string) (string, error) {
	info, err := dir.Lstat(path)
	if err != nil {
		return "", err
	}
	text, err := dir.ReadFile(path)
	return fmt.Sprintf("%04o\n%s", info.Mode().Perm(), text), err
}

func TestObserverNeverSeesATornFileOfALiveSlot(t *testing.T) {
	t.Parallel()
	f := newObserved(t, map[string]bool{"gateway-coder": true, "gateway-writer": true})
	defer f.holdAll()()
	observe(t, f, lookAtFiles)
}

// lookAtFiles reads the files of a live slot one by one. It reads run before and after it looks for
// down. If both times run has the same version, which has to stay down, then down must exist.
func lookAtFiles(o *observer, slot string) {
	dir, err := os.OpenRoot(filepath.Join(o.f.root, "service", slot))
	if err != nil {
		o.fail("%s is not there: %v", slot, err)
		return
	}
	defer dir.Close()
	for path := range versionFiles(0) {
		text, err := readMode(dir, path)
		version := versionOf(text)
		if want := versionFiles(version)[path]; err != nil || text != want {
			o.fail("%s of %s is torn: %v\n%.80q", path, slot, err, text)
		}
		o.saw(version)
	}
	before, err := readMode(dir, "run")
	_, down := dir.Lstat("down")
	after, err2 := readMode(dir, "run")
	if err = errors.Join(err, err2); err != nil {
		o.fail("run of %s: %v", slot, err)
	}
	version := versionOf(before)
	if _, stays := wholeSlot(slot, version)["down"]; stays && before == after && down != nil {
		o.fail("%s has the run script of version %d and no down file: %v", slot, version, down)
	}
}
