package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile is slotgen's lock file. The floor makes none.
const lockFile = ".slotgen.lock"

// slotFiles returns the files of a slot in the floor's model.
func slotFiles() []string { return []string{"finish", "log/run", "run", "type"} }

// compareTrees makes both trees once and returns an error unless they are the same. The
// floor gets the bytes of slotgen's files.
func (b *bench) compareTrees() error {
	boot, floor := b.firstBoot(medium), b.floor(medium)
	if err := command(nil, boot.argv...); err != nil {
		return err
	}
	for kind, i := range map[string]int{"default": 0, "named": 1} {
		if err := b.writeModel(kind, b.scandir(medium, "first"), medium.profile(i)); err != nil {
			return err
		}
	}
	if err := command(nil, floor.argv...); err != nil {
		return err
	}
	return sameTree(b.scandir(medium, "first"), b.scandir(medium, "floor"))
}

// writeModel saves the files of one slot with a placeholder for its name.
func (b *bench) writeModel(kind, scandir, profile string) error {
	for _, name := range slotFiles() {
		text, err := os.ReadFile(filepath.Join(scandir, "gateway-"+profile, name))
		if err != nil {
			return err
		}
		marked := strings.ReplaceAll(string(text), profile, "@NAME@")
		if err := writeFile(filepath.Join(b.tmpfs, "model", kind), strings.ReplaceAll(name, "/", "."), marked); err != nil {
			return err
		}
	}
	return nil
}

// sameTree returns an error unless two trees have the same names, types, modes,
// owners and bytes.
func sameTree(a, b string) error {
	if err := checkWithin(a, b); err != nil {
		return err
	}
	return checkWithin(b, a)
}

// checkWithin returns an error unless tree b has every node of tree a.
func checkWithin(a, b string) error {
	return filepath.WalkDir(a, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(a, path)
		if err != nil || rel == lockFile {
			return err
		}
		return sameNode(path, filepath.Join(b, rel))
	})
}

func sameNode(a, b string) error {
	ia, err := os.Lstat(a)
	if err != nil {
		return err
	}
	ib, err := os.Lstat(b)
	if err != nil {
		return err
	}
	if da, db := describe(ia), describe(ib); da != db {
		return fmt.Errorf("%q is %s, %q is %s", a, da, b, db)
	}
	if !ia.Mode().IsRegular() {
		return nil
	}
	ta, err := os.ReadFile(a)
	if err != nil {
		return err
	}
	tb, err := os.ReadFile(b)
	if err == nil && !bytes.Equal(ta, tb) {
		err = fmt.Errorf("%q and %q differ", a, b)
	}
	return err
}

func describe(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "unknown"
	}
	return fmt.Sprintf("%s %d:%d", info.Mode(), st.Uid, st.Gid)
}
