package main

import (
	"crypto/sha256"
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
	inA, err := readTree(a)
	if err != nil {
		return err
	}
	inB, err := readTree(b)
	if err != nil {
		return err
	}
	for name := range inA {
		if inA[name] != inB[name] {
			return fmt.Errorf("%q is %q in %q and %q in %q", name, inA[name], a, inB[name], b)
		}
	}
	if len(inA) != len(inB) {
		return fmt.Errorf("%q has %d files, %q has %d", a, len(inA), b, len(inB))
	}
	return nil
}

// readTree describes each file of a tree, by its path below root: type, mode, owner and the hash
// of its bytes.
func readTree(root string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || name == lockFile {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		var text []byte
		if info.Mode().IsRegular() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		files[name] = fmt.Sprintf("%s %d:%d %x", info.Mode(), st.Uid, st.Gid, sha256.Sum256(text))
		return nil
	})
	return files, err
}
