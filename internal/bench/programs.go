package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// bench holds two directories. One holds the programs, on a file system that may execute
// them. The other holds the volumes and scandirs, on a tmpfs.
type bench struct{ programs, tmpfs string }

func newBench() (*bench, error) {
	b := &bench{}
	var err error
	if b.programs, err = os.MkdirTemp("", "slotgen-bench-"); err != nil {
		return nil, err
	}
	if b.tmpfs, err = os.MkdirTemp("/dev/shm", "slotgen-bench-"); err == nil {
		err = b.make()
	}
	if err != nil {
		return nil, errors.Join(err, b.remove())
	}
	return b, nil
}

func (b *bench) make() error {
	for _, build := range []func() error{b.buildSlotgen, b.buildEmpty, b.buildFloor} {
		if err := build(); err != nil {
			return err
		}
	}
	if err := os.Chmod(b.tmpfs, 0o755); err != nil { // slotgen reads the volume as its user
		return err
	}
	for _, v := range []volume{small, medium, huge} {
		if err := v.write(b.home(v)); err != nil {
			return err
		}
		if err := giveToUser(b.home(v)); err != nil {
			return err
		}
	}
	return writeProc(filepath.Join(b.tmpfs, "proc"))
}

func giveToUser(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, userID, userID))
	})
}

func (b *bench) remove() error {
	return errors.Join(os.RemoveAll(b.programs), os.RemoveAll(b.tmpfs))
}

func (b *bench) program(name string) string { return filepath.Join(b.programs, name) }

// buildSlotgen runs the build command of the README.
func (b *bench) buildSlotgen() error {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	_, line, found := strings.Cut(string(readme), "\nCGO_ENABLED=0 go build ")
	line, _, _ = strings.Cut(line, "\n")
	if !found {
		return errors.New("README has no build command")
	}
	args := strings.Fields(line)
	args[slices.Index(args, "-o")+1] = b.program("slotgen")
	return b.goBuild("slotgen", args...)
}

func (b *bench) buildEmpty() error {
	source := filepath.Join(b.tmpfs, "empty.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return err
	}
	return b.goBuild("empty", "-trimpath", "-o", b.program("empty"), source)
}

func (b *bench) goBuild(name string, args ...string) error {
	if err := command([]string{"CGO_ENABLED=0"}, append([]string{"go", "build"}, args...)...); err != nil {
		return err
	}
	return install(b.program(name))
}

func (b *bench) buildFloor() error {
	return command(nil, "cc", "-O2", "-o", b.program("floor"), filepath.Join("internal", "bench", "floor.c"))
}

func command(env []string, argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running %q: %w\n%s", argv, err, out)
	}
	return nil
}

// install writes a program again in one piece, as install(1) does. The linker leaves it in
// small pieces in the page cache, and then some builds start slower than others.
func install(name string) error {
	program, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	return os.WriteFile(name, program, 0o755)
}
